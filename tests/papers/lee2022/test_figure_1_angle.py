"""The angle's claims fail on wrong flows, and its figures show the angle between its bounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.overrides import override
from flowrepro.engines.population import PlanePath
from flowrepro.figures import NotDrawable
from flowrepro.figures.declare import Figure
from flowrepro.papers.lee2022.figure_1_angle import (
    angles,
    log_angles,
    small_norm_angle,
    theorem_3_4,
    theorem_3_9,
    times,
)
from flowrepro.papers.lee2022.neuron import Neuron
from flowrepro.papers.lee2022.section_5_runs import NEURONS

from .results import FAIL, NOT_APPLICABLE, drawn, ids, quick_run, trained, untaught


@pytest.mark.parametrize(("claim", "name"), [(theorem_3_4, "1l-mn"), (theorem_3_9, "3l-ln")])
def test_fails_on_a_flow_that_does_not_turn(claim: Claim, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Neuron.flow

    def wrong(self: Neuron) -> PlanePath:
        path = right(self)
        return replace(path, theta=path.theta[0] * np.ones_like(path.theta))

    monkeypatch.setattr(Neuron, "flow", wrong)
    assert claim.judge(quick_run(name)).verdict is FAIL


def test_a_middle_norm_is_not_near_0() -> None:
    assert "0.881 ||w*|| > 0.2" in small_norm_angle.judge(quick_run("1l-mn")).note


def test_a_draw_that_would_align_too_late_is_not_judged() -> None:
    case = override(quick_run("3l-mn").case, {"data.options.seed": 5})
    assert times.judge(trained(case)).verdict is NOT_APPLICABLE


def test_angles_lie_between_their_bounds() -> None:
    runs = [quick_run(name) for name in NEURONS]
    picture = angles.collect(*runs)
    assert [panel.title for panel in picture.panels[::4]] == ["1L-SN", "2L-MN", "3L-LN"]
    assert "1.76 ||w*||" in picture.caption
    assert "10 times the paper's size" in picture.caption
    for panel in picture.panels:
        _, high, low, angle = panel.marks
        assert angle.x[[0, -1]].tolist() == [0, 10]
        assert np.all((low.y < angle.y)[1:] & (angle.y < high.y)[1:])


@pytest.mark.parametrize("figure", [angles, log_angles], ids=ids)
def test_figures_are_drawn_of_runs_with_a_teacher(figure: Figure) -> None:
    runs = [quick_run(name) for name in NEURONS]
    assert len(drawn(figure, *runs).axes) == 9
    with pytest.raises(NotDrawable, match="teacher"):
        figure.collect(*map(untaught, runs))
