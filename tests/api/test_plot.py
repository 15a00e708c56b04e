"""Pictures of a run: what they show, what their captions say, and where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import flowrepro as fr
from flowrepro.api import views
from flowrepro.api.views import View
from flowrepro.figures.panels import Contour, HeatMap, Line, Points


def descent(n: int = 5, d: int = 2, m: int = 7, bias: bool = False, scale: float = 0.1, steps: int = 40) -> fr.Run:
    rng = np.random.default_rng([n, d])
    X, y = rng.standard_normal((n, d)), np.where(np.arange(n) % 2, -1.0, 1.0)
    X = np.column_stack([X, np.ones(n)]) if bias else X
    W, a = fr.init.balanced(m=m, d=X.shape[1], scale=scale, seed=0)
    return fr.descend(X, y, W, a, lr=0.05, steps=steps, engine="torch")


def toy(**more: Any) -> fr.Run:
    W, a = fr.init.balanced(m=6, d=2, scale=1.0, seed=0)
    return fr.flow(np.eye(2), [1.0, -0.5], W, a, t=10.0, records=8, **more)


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_pictures(d: int, tmp_path: Path) -> None:
    run = descent(d=d)
    titles = [panel.title for panel in fr.plot.pictures(run)["overview"].panels(run)]
    assert list(titles) == [
        "Loss", "Norms", "Directions", "Effective rank", "Activation patterns",
    ]  # fmt: skip
    fr.plot.directions(run).savefig(tmp_path / "directions.png")
    assert (tmp_path / "directions.png").stat().st_size > 5000
    assert list(fr.plot.pictures(run)) == ["overview", "directions", "function"][: 3 - (d > 2)]


@pytest.mark.parametrize(("kind", "drawn"), [("cross-", True), ("revival_ambiguous", False)])
def test_marks_of_other_flows_are_not_drawn_as_activations(kind: str, drawn: bool) -> None:
    run = toy()
    run.__dict__["events"] = (fr.Event(t=1.0, neuron=0, samples=(0,), kind=kind),)
    labels = {mark.label for mark in View(run).raster().marks}
    assert ("activation events" in labels) is drawn


def test_too_many_cones_are_said() -> None:
    run = descent(n=40, d=5, m=3, steps=5)
    assert View(run).cosines().ylabel == "cosine with the last direction"
    caption = fr.plot.pictures(run)["overview"].collect(run).caption
    assert "with its own last direction, as no extremal vectors" in caption
    assert "Crosses" not in fr.plot.pictures(run)["directions"].collect(run).caption


def test_below_the_smallest_double_all_but_the_function_is_seen() -> None:
    run = toy(log10_scale=-400)
    effective, stable = View(run).ranks().marks
    assert np.all(np.isfinite(effective.y))  # type: ignore[attr-defined]
    assert 1 <= np.min(stable.y) <= np.max(effective.y) <= 2 + 1e-9  # type: ignore[attr-defined]
    fr.plot.overview(run)
    fr.plot.function(run)


def test_ranks_are_those_of_the_recorded_weights() -> None:
    run = descent(d=3)
    effective, stable = View(run).ranks().marks
    for k in (0, len(run.W) - 1):
        values = np.linalg.svd(run.W[k], compute_uv=False)
        p = values / values.sum()
        assert effective.y[k] == pytest.approx(np.exp(-p @ np.log(p)))  # type: ignore[attr-defined]
        assert stable.y[k] == pytest.approx(np.sum(values**2) / values[0] ** 2)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("d", "bias"), [(1, False), (1, True), (2, False), (2, True)])
def test_the_learned_function_is_that_of_predict(d: int, bias: bool) -> None:
    run = descent(d=d, bias=bias)
    view = View(run)
    assert view.free == d
    marks = view.function().marks
    if d == 1:
        line = next(mark for mark in marks if type(mark) is Line)
        Z, values = line.x[:, None], line.y
    else:
        heat, contour = marks[0], marks[1]
        assert isinstance(heat, HeatMap)
        assert isinstance(contour, Contour)
        assert contour.level == 0
        Z = np.stack([z.ravel() for z in np.meshgrid(heat.x, heat.y)], axis=1)
        values = np.ravel(heat.value)
        drawn = [mark for mark in marks if isinstance(mark, Points)]
        assert [len(mark.x) for mark in drawn] == [3, 2]  # type: ignore[arg-type]
    Z = np.column_stack([Z, np.ones(len(Z))]) if bias else Z
    assert np.allclose(values, run.predict(Z), atol=1e-12)
    caption = fr.plot.pictures(run)["function"].collect(run).caption
    assert ("bias" in caption) is bias
    assert f"at t = 2 over {d} coordinate" in caption


def test_where_no_function_is_drawn() -> None:
    with pytest.raises(fr.UsageError, match="over one or two coordinates, and the points have 3"):
        fr.plot.function(descent(d=3))


def test_on_the_sphere_what_lies_behind_is_open() -> None:
    run = descent(d=3, m=30)
    axes, _ = View(run).axes
    assert np.allclose(axes @ axes.T, np.eye(3))
    behind = run.directions[-1] @ axes[2] < 0
    assert 0 < behind.sum() < 30
    marks = [m for m in View(run).directions().marks if isinstance(m, Points) and m.marker == "o"]
    assert sum(len(mark.x) for mark in marks if mark.fill == "white") == behind.sum()  # type: ignore[arg-type]
    assert sum(len(mark.x) for mark in marks if mark.fill is None) == 30 - behind.sum()  # type: ignore[arg-type]


def test_above_three_dimensions_the_share_of_the_plane_is_said() -> None:
    run = descent(n=6, d=5)
    W = run.W[-1]
    squares = np.square(np.linalg.svd(W, compute_uv=False))
    share = f"{100 * squares[:2].sum() / squares.sum():.0f} %"
    assert share in View(run).directions().xlabel
    assert share in fr.plot.pictures(run)["directions"].collect(run).caption


def test_neurons_that_are_left_out_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_NEURONS", 5)
    run = descent()
    for figure in ("overview", "directions"):
        caption = fr.plot.pictures(run)[figure].collect(run).caption
        assert "Drawn: the 5 of 7 neurons of the largest norm." in caption


def test_an_animation_has_a_frame_per_record_of_its_schedule(tmp_path: Path) -> None:
    run = descent(d=3, m=3, steps=3)
    place = fr.plot.animation(run).save(tmp_path / "run.gif")
    with Image.open(place) as moving:
        assert moving.n_frames == 4
    run = descent(d=2, m=3, steps=1)
    assert "data:image/gif;base64," in fr.plot.animation(run)._repr_html_()
    with pytest.raises(fr.UsageError, match="not as 'png'"):
        fr.plot.animation(run).save(tmp_path / "run.png")


@pytest.mark.parametrize("name", ["overview", "directions", "function", "animation"])
def test_what_is_no_run_is_refused(name: str) -> None:
    with pytest.raises(fr.UsageError, match=r"fr\.plot shows a run of .*, not ndarray"):
        getattr(fr.plot, name)(np.eye(2))
