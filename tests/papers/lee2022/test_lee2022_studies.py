"""Statements on studies, three ways each, and the numbers behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from lee_cases import BY_ID, BY_NAME, judged, study

from flowrepro.claims.old_verdict import Verdict
from flowrepro.core.config import Data, StudyCase
from flowrepro.core.trajectory import Study
from flowrepro.papers.lee2022.deep_network import WIDTHS
from flowrepro.papers.lee2022.random_directions import two_sided
from flowrepro.papers.lee2022.truncated_moments import wedge_moment

OPTIONS: dict[str, dict[str, Any]] = {
    "initial-norms": {"seeds": [0], "coarser": 20.0},
    "moments": {"n": 20_000, "pairs": 8},
    "reduced": {"depths": 3, "n": [1_000, 4_000]},
    "implicit": {"m": [2, 3]},
    "descent-of-flow": {"lr": [1.28e-3, 6.4e-4, 3.2e-4]},
    "directions": {"numbers": 400_000},
    "sphere": {"n": 3_000, "d": 30, "depths": [1], "n_steps": 2_000, "coarser": 50.0},
    "curvature": {},
}


@cache
def computed(name: str) -> Study:
    return deep() if name == "deep" else study(name, OPTIONS[name])


def deep() -> Study:
    """What Figure 4 looks like, made up: the norm grows from the small start and falls from the large one, after a jump."""
    case = BY_NAME["deep"]
    assert isinstance(case, StudyCase)
    step = np.array([0, 1, 5, 10, 100, 1_000])
    arrays: dict[str, Any] = {}
    for name, factor, loss in (
        ("small", [1.0, 1.0, 1.0001, 1.001, 1.01, 1.1], [1.0, 1.0, 1.0, 1.0, 0.9, 0.2]),
        ("large", [1.0, 0.9, 0.95, 0.92, 0.91, 0.9], [1.0, 9.0, 2.0, 0.3, 0.2, 0.1]),
    ):
        squares = np.array([2.0, 1.0, 1.0, 1.0, 0.5]) + (
            np.square(factor)[:, None] - 1
        )  # the layers' differences are kept
        arrays |= {
            f"{name}_step": step,
            f"{name}_loss": np.array(loss),
            f"{name}_norms": np.sqrt(squares),
            f"{name}_euler": np.full(6, 1e-16),
        }
        arrays |= {
            f"{name}_lr": np.array(case.options[f"{name}_lr"]),
            f"{name}_seed": np.array(0),
            f"{name}_diverged": np.array([], dtype=np.int64),
        }
    return Study(case, None, arrays)


def changed(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Study], Study]:
    return lambda findings: replace(
        findings, arrays={**findings.arrays, name: change(findings.arrays[name].copy())}
    )


def at(index: Any, value: Any) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[index] = value
        return array

    return change


TAMPERED: dict[str, tuple[str, Callable[[Study], Study]]] = {
    "figure-1-order": ("initial-norms", changed("aligned", at((0, 0), 1e6))),
    "figure-1-stuck": ("initial-norms", changed("last", at((0, 6), 0.01))),
    "figure-1-two-layers": ("initial-norms", changed("apart", at((0, 1, 0), 0.2))),
    "lemma-2.1": ("moments", changed("wedge", at((0, 0, 0), 6.0))),
    "proposition-B.1": ("moments", changed("half", lambda z: z + 2.0)),
    "proposition-3.6-flow": ("reduced", changed("norm_error", at(0, 1e-6))),
    "proposition-3.6-gradient": ("reduced", changed("constant", at(1, 9.0))),
    "theorem-3.8-implicit": ("implicit", changed("difference", at(0, 1e-3))),
    "theorem-4.1-order": ("descent-of-flow", changed("power", lambda error: np.sqrt(error))),
    "theorem-4.1-constant": ("descent-of-flow", changed("power", lambda error: 20 * error)),
    "proposition-C.1": ("directions", changed("two", lambda share: share + 0.05)),
    "proposition-B.1-training": ("sphere", changed("angle", at((0, 0), 0.5))),
    "appendix-D.1": ("curvature", changed("wrong", at(3, 1))),
    "figure-4-small": ("deep", changed("small_norms", at(4, 1.0))),
    "figure-4-large": ("deep", changed("large_norms", at(5, 2.0))),
    "figure-4-norm-identity": ("deep", changed("large_euler", at(2, 1e-9))),
    "figure-4-balance": ("deep", changed("small_norms", at((5, 0), 2.0))),
    "figure-4-slower": ("deep", changed("large_loss", at(4, 2.0))),
}


def test_every_claim_of_a_study_is_here() -> None:
    assert TAMPERED.keys() == {
        id
        for id, claim in BY_ID.items()
        if isinstance(BY_NAME[claim.cases[0]], StudyCase) and not id.startswith("beyond")
    }


@pytest.mark.parametrize("id", TAMPERED)
def test_holds_on_the_study(id: str) -> None:
    result = judged(id, computed(TAMPERED[id][0]))
    assert result.verdict is Verdict.PASS, result.note


@pytest.mark.parametrize("id", TAMPERED)
def test_fails_on_other_numbers(id: str) -> None:
    name, tamper = TAMPERED[id]
    assert judged(id, tamper(computed(name))).verdict is Verdict.FAIL


@pytest.mark.parametrize("id", TAMPERED)
def test_does_not_apply_to_another_study(id: str) -> None:
    findings = computed(TAMPERED[id][0])
    assert (
        judged(
            id, replace(findings, case=replace(findings.case, data=Data(name="two-points")))
        ).verdict
        is Verdict.NOT_APPLICABLE
    )


@pytest.mark.parametrize("id", ["figure-4-small", "figure-4-slower"])
def test_an_overflowed_network_is_not_judged(id: str) -> None:
    result = judged(id, changed("small_diverged", lambda seeds: np.array([0]))(deep()))
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert "overflowed" in result.note


def test_a_loss_that_is_not_halved_is_not_compared() -> None:
    assert (
        judged("figure-4-slower", changed("small_loss", at(5, 0.9))(deep())).verdict
        is Verdict.NOT_APPLICABLE
    )


def test_without_fine_steps_the_constant_of_theorem_4_1_is_not_judged() -> None:
    assert (
        judged(
            "theorem-4.1-constant", changed("bound", at(..., np.nan))(computed("descent-of-flow"))
        ).verdict
        is Verdict.NOT_APPLICABLE
    )
    assert np.all(np.isnan(computed("descent-of-flow").arrays["bound"][0])), (
        "v_0 = 0.5 is outside: (g^-1)' (g' + x g'') changes sign"
    )


def test_a_deep_network_is_trained_and_recorded() -> None:
    findings = study("deep", {"n": 60, "small_steps": 30, "large_steps": 30, "large_lr": 5e-6})
    for name in ("small", "large"):
        arrays = {
            key.removeprefix(f"{name}_"): value
            for key, value in findings.arrays.items()
            if key.startswith(name)
        }
        assert arrays["step"].tolist() == list(range(31))
        assert arrays["norms"].shape == (31, len(WIDTHS) - 1)
        assert np.nanmax(arrays["euler"]) < 1e-13
        assert arrays["diverged"].size == 0
        assert not np.array_equal(arrays["loss"][0], arrays["loss"][-1])


def test_a_network_that_overflows_is_tried_with_the_next_seeds() -> None:
    findings = study(
        "deep", {"n": 30, "small_steps": 1, "large_steps": 40, "large_lr": 1e-3, "attempts": 2}
    )
    assert findings.arrays["large_diverged"].tolist() == [0, 1]
    assert judged("figure-4-large", findings).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("id", [id for id in TAMPERED if id.startswith("figure-4")])
def test_figure_4_in_its_quick_variant(id: str) -> None:
    assert judged(id, quick_deep()).verdict is Verdict.PASS


@cache
def quick_deep() -> Study:
    case = BY_NAME["deep"]
    return study("deep", {key.removeprefix("options."): value for key, value in case.quick.items()})


def test_wedges_of_small_and_large_angle_tend_to_the_half_space_and_to_nothing() -> None:
    u = np.array([1.0, 0.0, 0.0])
    for theta, limit in ((1e-6, 0.5 * np.eye(3)), (np.pi - 1e-6, np.zeros((3, 3)))):
        M = wedge_moment(u, np.array([np.cos(theta), np.sin(theta), 0.0]))
        assert pytest.approx(limit, abs=1e-5) == M


@pytest.mark.parametrize(
    ("d", "epsilon", "share"), [(100, 0.1, 0.3197), (100, 0.2, 0.04493), (3, 0.5, 0.5)]
)
def test_exact_probability_of_a_large_cosine(d: int, epsilon: float, share: float) -> None:
    """In three dimensions the cosine is uniform (Archimedes); the others are the measured shares of 200000 pairs."""
    assert two_sided(epsilon, d) == pytest.approx(share, abs=1e-4)
