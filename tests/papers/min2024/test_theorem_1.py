"""The lemmas and Theorem 1 along the flow: each claim passes, fails, or does not apply."""

from __future__ import annotations

import numpy as np
import pytest
from min2024_studies import Change, change, drawn, easy, expect, flow, ids, relabelled, with_options

from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.errors import UsageError
from flowrepro.figures import NotDrawable
from flowrepro.figures.panels import Vertical
from flowrepro.papers.min2024 import small_initialization, theorem_1_convergence
from flowrepro.papers.min2024 import small_initialization as small
from flowrepro.papers.min2024 import theorem_1_alignment as alignment
from flowrepro.papers.min2024 import theorem_1_convergence as convergence
from flowrepro.papers.min2024.shared.constants import points_of
from flowrepro.papers.min2024.shared.flow_states import fit_times, read_states, read_stays
from flowrepro.papers.min2024.theorem_1_flow import FLOW, FLOW_10D, log_scale


def slower(times: np.ndarray) -> np.ndarray:
    return times * 1e6


def scattered(Y: np.ndarray) -> np.ndarray:
    """The last directions are random."""
    away = np.random.default_rng(0).standard_normal(Y[-1, :, 1:-1].shape)
    sizes = np.linalg.norm(Y[-1, :, 1:-1], axis=1, keepdims=True)
    Y[-1, :, 1:-1] = away / np.linalg.norm(away, axis=1, keepdims=True) * sizes
    return Y


def flipped(Y: np.ndarray) -> np.ndarray:
    Y[-1, :, 1:-1] *= -1
    return Y


def unbalanced(Y: np.ndarray) -> np.ndarray:
    Y[-1, :, -1] *= 0.5
    return Y


def radius(shift: float, part: slice) -> Change:
    def alter(Y: np.ndarray) -> np.ndarray:
        Y[part, :, 0] += shift
        return Y

    return change(Y=alter)


def ending(value: float) -> Change:
    def alter(loss: np.ndarray) -> np.ndarray:
        loss[-1] = value
        return loss

    return change(loss=alter)


def left_trap(end: np.ndarray) -> np.ndarray:
    end[np.flatnonzero(np.isinf(end))[0]] = 100.0
    return end


late = change(stay_start=slower, stay_end=slower)
all_die = change(stay_positive=lambda count: 0 * count, stay_negative=lambda count: 0 * count)
larger = radius(10.0, slice(1, None))
TABLE = (
    (small.norms, "float", larger),
    (small.approximation, "float", larger),
    (alignment.limit, "float", late),
    (alignment.alignment_time, "tiny", late),
    (alignment.short_stays, "tiny", late),
    (alignment.paths, "tiny", late),
    (alignment.arrival, "tiny", all_die),
    (convergence.traps, "tiny", change(stay_end=left_trap)),
    (convergence.shrinking, "float", radius(-1_000.0, slice(1, None))),
    (convergence.growing, "float", radius(-2.0, slice(-1, None))),
    (convergence.decoupling, "float", change(Y=flipped)),
    (convergence.fit_time, "float", change(t=slower)),
    (convergence.rate, "float", ending(10.0)),
    (convergence.rank, "float", change(Y=scattered)),
    (convergence.invariant, "float", change(Y=scattered)),
    (convergence.balance, "float", change(Y=unbalanced)),
    (convergence.loss_falls, "float", ending(10.0)),
    (convergence.norm, "float", ending(1e-300)),
)
POINTWISE = (
    (small.directions, {"x_max": 0.05}),
    (small.cosine, {"x_max": 0.05}),
    (small.gradient_grows, {"x_max": 0.05}),
    (convergence.descent, {"x_min": 1e3}),
)
"""Claims that hold at every state: they fail where a constant of the points is wrong."""
HYPOTHESES = ((alignment.start_is_not_opposite, "float"), (alignment.scale, "tiny"))
UNCONDITIONAL = ids([convergence.balance, convergence.loss_falls])
CLAIMS = (*small.topic.claims, *alignment.topic.claims, *convergence.topic.claims)
THEOREM_1 = (alignment.scale, alignment.alignment_time, alignment.short_stays, alignment.paths, alignment.arrival)
"""The claims that need the scale of (28)."""
AFTER = (convergence.fit_time, convergence.rate, convergence.rank)


def test_the_tables_cover_every_claim() -> None:
    tabled = [claim for claim, *_ in (*TABLE, *POINTWISE, *HYPOTHESES)]
    assert ids([alignment.observed, *tabled]) == ids(CLAIMS)


@pytest.mark.parametrize(("claim", "kind", "tamper"), TABLE)
def test_holds_and_notices_tampering(claim: Claim, kind: str, tamper: Change) -> None:
    expect(claim, flow(kind), Verdict.PASS)
    expect(claim, tamper(flow(kind)), Verdict.FAIL)


@pytest.mark.parametrize(("claim", "kind"), HYPOTHESES)
def test_hypotheses_hold(claim: Claim, kind: str) -> None:
    expect(claim, flow(kind), Verdict.PASS)
    assert claim.label == "identity"


@pytest.mark.parametrize(("claim", "wrong"), POINTWISE)
def test_fails_with_wrong_constants(claim: Claim, wrong: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    expect(claim, flow("float"), Verdict.PASS)
    points = points_of(flow("float"))._replace(**wrong)
    for module in (small_initialization, theorem_1_convergence):
        monkeypatch.setattr(module, "points_of", lambda result: points)
    expect(claim, flow("float"), Verdict.FAIL)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_does_not_apply_where_assumption_1_fails(claim: Claim) -> None:
    if claim.id not in UNCONDITIONAL:
        kind = "tiny" if claim.id in ids(THEOREM_1) else "float"
        expect(claim, relabelled(flow(kind)), Verdict.NOT_APPLICABLE, "Assumption 1")


@pytest.mark.parametrize("claim", THEOREM_1, ids=lambda claim: claim.id)
def test_theorem_1_is_judged_only_at_a_scale_it_allows(claim: Claim) -> None:
    expect(claim, flow("tiny"), Verdict.PASS)
    expect(claim, flow("float"), Verdict.NOT_APPLICABLE, "Theorem 1 asks for eps <= e^-")


@pytest.mark.parametrize("claim", AFTER, ids=lambda claim: claim.id)
def test_convergence_is_judged_at_the_theorems_scale_too(claim: Claim) -> None:
    expect(claim, flow("tiny"), Verdict.PASS)


def test_alignment_is_observed_at_any_scale() -> None:
    expect(alignment.observed, flow("float"), Verdict.INFO)


@pytest.mark.parametrize(
    "claim", [small.directions, small.norms, alignment.alignment_time, convergence.fit_time], ids=lambda claim: claim.id
)
def test_a_loss_without_slope_1_is_refused(claim: Claim) -> None:
    other = with_options(flow("float"), loss="logistic")
    expect(claim, other, Verdict.NOT_APPLICABLE, "Lemma 2")


def test_logistic2_passes_along_the_flow_too() -> None:
    result = easy(FLOW_10D, m=12, loss="logistic2", points=60, after=6.0)
    for claim in (
        *small.topic.claims,
        convergence.shrinking,
        convergence.growing,
        convergence.decoupling,
        convergence.fit_time,
        convergence.descent,
        convergence.rate,
        convergence.invariant,
        convergence.norm,
    ):
        expect(claim, result, Verdict.PASS)


def test_times_in_the_limit_and_at_the_theorems_scale_agree() -> None:
    tiny, early = (fit_times(flow(kind), read_states(flow(kind))) for kind in ("tiny", "float"))
    pull = points_of(flow("tiny")).pull
    growth = (30_000.0 + flow("float").case.options["ln_eps"]) / pull
    assert tiny - early == pytest.approx(growth, rel=1e-4)


@pytest.mark.parametrize(("name", "value"), [("ln_eps", 1.0), ("points", 0), ("loss", "square")])
def test_options_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=rf"options\.{name}"):
        easy(FLOW, **{name: value})


def test_the_figure_of_the_log_scale_draws_and_needs_assumption_1() -> None:
    result = flow("tiny")
    norms, loss = drawn(log_scale, result).panels
    assert f"$t_1$ = {read_stays(result).t1:.3g}" in norms.title
    tags = [mark.tag for mark in loss.marks if isinstance(mark, Vertical)]
    assert tags == ["$T$", "$t_2^+$", "$t_2^-$"]
    with pytest.raises(NotDrawable, match="Assumption 1"):
        log_scale.collect(relabelled(result))
