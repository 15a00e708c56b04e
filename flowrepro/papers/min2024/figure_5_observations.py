"""Statements of min2024 on its MNIST experiment (Figure 5, Section 4) as checks.

The windows hold what was measured over seeds with room to both sides; those of events are wider by SUBSET_SHIFT on a
random subset of the images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, target_window
from flowrepro.claims.old_verdict import (
    Claim,
    Judgement,
    Ref,
    at_least,
    at_most,
    info,
    not_applicable,
    within,
    worst,
)
from flowrepro.core.trajectory import Run
from flowrepro.engines import is_flow
from flowrepro.papers.min2024 import theory_cases
from flowrepro.papers.min2024.correlation import RESOLUTION, correlations
from flowrepro.papers.min2024.digits_cases import DIGITS_1_0, DIGITS_1_7, DIGITS_3_8
from flowrepro.papers.min2024.digits_seen import (
    END,
    SUBSET_SHIFT,
    departures_from,
    event_window,
    first_step,
    loss_at,
    stable_rank,
    unlike_paper,
    value_at,
)
from flowrepro.papers.min2024.extreme_vectors import extreme_vector
from flowrepro.papers.min2024.toy_cases import RUNS
from flowrepro.theory.alignment import class_sums, cosines, mean_neurons

FIGURE_5 = Ref("min2024", "Figure 5")
SECTION_4 = Ref("min2024", "Section 4")
EQUATION_4 = Ref("min2024", "eq. (4)")
ASSUMPTION_1 = Ref("min2024", "Assumption 1")
DESCENT_LOSS = {
    2_000: 0.999808, 2_600: 0.983018, 2_800: 0.931128, 3_000: 0.780261, 3_200: 0.539253, 3_400: 0.338743, 3_600: 0.222951, 3_800: 0.159684,
    4_000: 0.122826, 5_000: 0.057984, 6_000: 0.0395588, 8_000: 0.025264, 10_000: 0.0192443, 12_000: 0.0159184, 15_000: 0.0129624,
}  # fmt: skip
"""Iteration -> loss of the paper's gradient descent from seed 0 on all images: our own run (measured, engine torch, float32)."""

Judge = Callable[[Run], Judgement]
PART = ("F5", FIGURE_5)


def _on_the_papers_run(
    id: str, until: int, ref: Ref = FIGURE_5, weights_at: int = 0
) -> Callable[[Callable[[Run], list[Judgement]]], Judge]:
    """Turn a function that measures the parts of a statement into a check that is N/A elsewhere."""

    def decorate(measure: Callable[[Run], list[Judgement]]) -> Judge:
        def check(run: Run) -> Judgement:
            reason = unlike_paper(run, DIGITS_1_0, until, weights_at)
            try:
                return not_applicable(id, ref, reason) if reason else worst(id, ref, measure(run))
            except NotApplicable as outside:
                return not_applicable(id, ref, str(outside))

        check.__name__, check.__doc__ = measure.__name__, measure.__doc__
        return check

    return decorate


# ---- the data (first panel)


def check_corr(run: Run) -> Judgement:
    """Share of ordered pairs i != j of images with y_i y_j <x_i, x_j> > 0, over the full matrix."""
    if foreign := [key for key in departures_from(run, DIGITS_1_0) if key.startswith("data.")]:
        return not_applicable(
            "F5.corr",
            FIGURE_5,
            f"the paper states this for digits 1 and 0; this case differs in {', '.join(foreign)}",
        )
    found = correlations(run.X, run.y)
    note = f"share of pairs; positive pairs {found.positive:.4f}, negative pairs {found.negative:.4f}, mixed pairs {found.across:.4f}"
    return within("F5.corr", FIGURE_5, found.share, (0.90, 0.95), note)


def check_opposite(run: Run) -> Judgement:
    """cos(x_+, x_-) = -1 for centred data: x_+ + x_- = sum_i x_i = 0, so it is exact where the paper says "almost"."""
    positive, negative = class_sums(run.X, run.y)
    if run.case.data.name != DIGITS_1_0.data.name:
        return not_applicable(
            "F5.opposite", SECTION_4, "only the images of digits are centred when they are loaded"
        )
    if not (positive.any() and negative.any()):
        return not_applicable("F5.opposite", SECTION_4, "one class has no data")
    return at_most(
        "F5.opposite",
        SECTION_4,
        abs(float(cosines(positive, negative)) + 1.0),
        1e-9,
        "|cos(x_+, x_-) + 1|",
    )


def check_assumption(run: Run) -> Judgement:
    """mu = min_{i,j} y_i y_j cos(x_i, x_j) > 0; without it no lemma and no theorem of the paper applies."""
    if not np.all(np.any(run.X != 0, axis=1)) or np.any(run.y == 0):
        return not_applicable("A1", ASSUMPTION_1, "a point or a label is zero")
    mu = correlations(run.X, run.y).worst
    if mu > RESOLUTION:
        return at_least("A1", ASSUMPTION_1, mu, 0.0, "worst y_i y_j cos(x_i, x_j)")
    reason = f"Assumption 1 fails: worst y_i y_j cos(x_i, x_j) = {mu:.4f}, so the paper's lemmas and Theorem 1 do not apply"
    return replace(not_applicable("A1", ASSUMPTION_1, reason), measured=mu)


# ---- alignment (second panel)


@_on_the_papers_run("F5.init", until=0, ref=SECTION_4)
def check_init(run: Run) -> list[Judgement]:
    """Random neurons start nearly orthogonal to x_+ and x_-: max_j |cos(w_j, x_+-)| < 0.2 at iteration 0."""
    W, _ = run.trajectory.at(0)
    largest = max(
        float(np.abs(cosines(W.astype(np.float64), total)).max())
        for total in class_sums(run.X, run.y)
    )
    return [at_most(*PART, largest, 0.2, "largest |cos| at iteration 0")]


@_on_the_papers_run("F5.align", until=2_000 + SUBSET_SHIFT)
def check_align(run: Run) -> list[Judgement]:
    """Good alignment after about 2000 iterations: both mean cosines >= 0.99, first in its window, and 90 % of all neurons have cosine > 0.9.

    The smallest cosine is not bounded: single stragglers remain. Over 22 runs on 1000 images the share at iteration
    2000 was 0.88 to 1.00 (measured), and 0.92 or more SUBSET_SHIFT later.
    """
    at = round(event_window(run, 0, 2_000)[1])
    positive, negative = value_at(run, "mean_cos", at)
    both = np.min(run.trajectory.observed["mean_cos"], axis=1) >= 0.99
    limits = event_window(
        run, *target_window(DIGITS_1_0, "first step with both mean cosines >= 0.99")
    )
    return [
        within(
            *PART, first_step(run, both), limits, "first iteration with both mean cosines >= 0.99"
        ),
        at_least(*PART, positive, 0.99, f"cos(mean w of V_+, x_+) at {at}"),
        at_least(*PART, negative, 0.99, f"cos(mean w of V_-, x_-) at {at}"),
        at_least(
            *PART,
            float(value_at(run, "aligned_share", at)),
            0.9,
            f"share of neurons with cosine > 0.9 at {at}",
        ),
    ]


@_on_the_papers_run("F5.first", until=1_200 + SUBSET_SHIFT)
def check_first(run: Run) -> list[Judgement]:
    """The mean cosines first pass 0.95 between iterations 700 and 1200."""
    window = event_window(run, 700, 1_200)
    firsts = [first_step(run, cosine > 0.95) for cosine in run.trajectory.observed["mean_cos"].T]
    return [
        within(*PART, first, window, f"first iteration with mean cosine of V_{sign} > 0.95")
        for first, sign in zip(firsts, "+-", strict=True)
    ]


@_on_the_papers_run("F5.drop", until=END)
def check_drop(run: Run) -> list[Judgement]:
    """The alignment drops when the loss falls: both mean cosines end at least 0.005 below their maximum, above 0.8."""
    parts = []
    for side, sign in enumerate("+-"):
        highest = float(
            np.max(run.trajectory.observed["mean_cos"][run.trajectory.step <= END, side])
        )
        last = float(value_at(run, "mean_cos", END)[side])
        parts.append(
            at_least(
                *PART,
                highest - last,
                0.005,
                f"mean cosine of V_{sign}, maximum minus value at {END}",
            )
        )
        parts.append(at_least(*PART, last, 0.8, f"mean cosine of V_{sign} at {END}"))
    return parts


def check_flips(run: Run) -> Judgement:
    """How many neurons change the sign of a_j, which a balanced initialisation would forbid."""
    if "sign" not in run.trajectory.observed:
        return not_applicable(
            "F5.flips",
            SECTION_4,
            "the signs of a_j were not recorded; --set record.observe=class-alignment records them",
        )
    changed = np.diff(run.trajectory.observed["sign"], axis=0) != 0  # (T - 1, m)
    flipped, records = (
        int(np.count_nonzero(changed.any(axis=0))),
        np.flatnonzero(changed.any(axis=1)),
    )
    last = f", the last by iteration {run.trajectory.step[records[-1] + 1]}" if records.size else ""
    return info(
        "F5.flips",
        SECTION_4,
        flipped,
        f"neurons of {changed.shape[1]} whose a_j changes sign between records{last}",
    )


# ---- growth (third panel)


@_on_the_papers_run("F5.grow", until=3_300 + SUBSET_SHIFT)
def check_grow(run: Run) -> list[Judgement]:
    """The loss starts to fall after about 3000 iterations: 1 % in [2300, 2800], 10 % in the window of the case's target."""
    loss, limits = (
        run.trajectory.loss,
        target_window(DIGITS_1_0, "first step with loss < 0.9 of the initial one"),
    )
    return [
        within(
            *PART,
            first_step(run, loss < 0.99 * loss[0]),
            event_window(run, 2_300, 2_800),
            "first iteration with L < 0.99 L(0)",
        ),
        within(
            *PART,
            first_step(run, loss < 0.9 * loss[0]),
            event_window(run, *limits),
            "first iteration with L < 0.9 L(0)",
        ),
    ]


@_on_the_papers_run("F5.srank", until=4_000)
def check_stable_rank(run: Run) -> list[Judgement]:
    """The stable rank ||W||_F^2 / ||W||_2^2 falls below 2 for good between iterations 800 and 1300, and is almost 1 after."""
    rank, step = stable_rank(run), run.trajectory.step
    first = first_step(run, rank < 2)
    after = float(np.max(rank[step >= first], initial=1.0)) if np.isfinite(first) else float("nan")
    at = {k: float(rank[np.searchsorted(step, k, side="right") - 1]) for k in (2_000, 4_000)}
    return [
        within(*PART, first, event_window(run, 800, 1_300), "first iteration with stable rank < 2"),
        at_most(*PART, after, 2.0, "largest stable rank afterwards"),
        at_most(*PART, at[2_000], 1.05, "stable rank at 2000"),
        at_most(*PART, at[4_000], 1.1, "stable rank at 4000"),
    ]


@_on_the_papers_run("F5.rate", until=2_200, ref=EQUATION_4)
def check_rate(run: Run) -> list[Judgement]:
    """Aligned neurons grow at the rate of their extreme vector u: d ln ||W||_2^2 / dk = 2 lr ||x_a(u)|| / n.

    The slope is fitted over iterations 1800..2200, when the neurons are aligned and f is still negligible; it must be
    within 2 % of the rates of both extreme vectors, those reached from x_+ and from x_-.
    """
    step = run.trajectory.step
    chosen = (step >= 1_800) & (step <= 2_200)
    slope = float(
        np.polyfit(step[chosen], np.log(run.trajectory.observed["spectral2"][chosen]), 1)[0]
    )
    parts = []
    for sign, name in ((1, "x_+"), (-1, "x_-")):
        extreme = extreme_vector(run.X, run.y, sign)
        if not extreme.settled:
            raise NotApplicable(
                f"no extreme vector is reached from {name}, so there is no rate to compare with"
            )
        rate = 2 * run.case.protocol.lr * extreme.pull / len(run.y)
        parts.append(
            at_most(
                *PART,
                abs(slope / rate - 1),
                0.02,
                f"measured slope {slope:.5g} against {rate:.5g} from {name}, relative",
            )
        )
    return parts


@_on_the_papers_run("F5.loss", until=END)
def check_loss(run: Run) -> list[Judgement]:
    """The data are fitted: L(4000) < 0.2 and L(15000) < 0.03, from L(0) = 1."""
    return [
        at_most(*PART, loss_at(run, 4_000), 0.2, "L(4000)"),
        at_most(*PART, loss_at(run, END), 0.03, f"L({END})"),
    ]


@_on_the_papers_run("F5.descent", until=1)
def check_descent(run: Run) -> list[Judgement]:
    """The loss never increases between records, up to 1e-6 relative, the resolution of float32 sums."""
    loss = run.trajectory.loss
    return [
        at_most(
            *PART,
            float(np.max(np.diff(loss) / loss[:-1])),
            1e-6,
            "largest relative increase between records",
        )
    ]


@_on_the_papers_run("F5.flow", until=END)
def check_flow(run: Run) -> list[Judgement]:
    """The gradient flow has the loss of the descent: |ln L_flow - ln L_GD| <= 0.03 at DESCENT_LOSS, and 0.01 at the end.

    Measured 0.013 to 0.014 at rtol 1e-3 to 1e-4 near iteration 3300: the O(lr) shift in time of the descent, which no tolerance removes.
    """
    if not is_flow(run.engine):
        raise NotApplicable(
            "this is the descent, with which the flow is compared; --engine smooth-flow --set rtol=1e-3 makes the flow"
        )
    if run.case.seed != 0 or run.case.data.options.get("subset") is not None:
        raise NotApplicable("the descent it is compared with is that of seed 0 on all images")
    if missing := DESCENT_LOSS.keys() - set(run.trajectory.step.tolist()):
        raise NotApplicable(
            f"needs a record at iteration {min(missing)}; --set record.save_every=20 gives it"
        )
    gaps = {
        step: abs(float(np.log(loss_at(run, step) / descent)))
        for step, descent in DESCENT_LOSS.items()
    }
    largest = max(gaps, key=lambda step: gaps[step])
    return [
        at_most(
            *PART,
            gaps[largest],
            0.03,
            f"|ln L_flow - ln L_GD|, the largest of {len(gaps)} iterations, at {largest}",
        ),
        at_most(*PART, gaps[END], 0.01, f"|ln L_flow - ln L_GD| at {END}"),
    ]


# ---- images (fourth panel)


@_on_the_papers_run("F5.pics", until=END, weights_at=END)
def check_pictures(run: Run) -> list[Judgement]:
    """At iteration 15000 the mean neurons of V_+ and V_- look like the mean images of their class: cosines >= 0.8."""
    means, sums = mean_neurons(*run.trajectory.at(END)), class_sums(run.X, run.y)
    return [
        at_least(
            *PART,
            float(cosines(means[side], sums[side])),
            0.8,
            f"cos(mean w of V_{sign}, x_{sign}) at {END}",
        )
        for side, sign in enumerate("+-")
    ]


CASES = (DIGITS_1_0.name,)
IN_THE_PLANE = tuple(case.name for case in RUNS)
WITH_POINTS = tuple(case.name for case in theory_cases.CASES if case.data is not None)
CLAIMS = (
    Claim(
        "A1",
        ASSUMPTION_1,
        "theory",
        (*CASES, DIGITS_3_8.name, DIGITS_1_7.name, *IN_THE_PLANE, *WITH_POINTS),
        "pairs of data correlate positively within a label and negatively across (mu > 0)",
        check_assumption,
    ),
    Claim(
        "F5.corr",
        FIGURE_5,
        "reproduction",
        CASES,
        "most pairs of centred images of 1 and 0 satisfy Assumption 1: a share in [0.90, 0.95]",
        check_corr,
    ),
    Claim(
        "F5.opposite",
        SECTION_4,
        "theory",
        CASES,
        "cos(x_+, x_-) = -1 for centred data",
        check_opposite,
    ),
    Claim(
        "F5.init",
        SECTION_4,
        "reproduction",
        CASES,
        "initially every neuron is nearly orthogonal to x_+ and x_-",
        check_init,
    ),
    Claim(
        "F5.align",
        FIGURE_5,
        "reproduction",
        CASES,
        "the neurons are aligned after about 2000 iterations",
        check_align,
    ),
    Claim(
        "F5.first",
        FIGURE_5,
        "reproduction",
        CASES,
        "the mean cosines pass 0.95 at about iteration 900",
        check_first,
    ),
    Claim(
        "F5.drop",
        FIGURE_5,
        "reproduction",
        CASES,
        "the alignment drops when the loss falls",
        check_drop,
    ),
    Claim(
        "F5.flips",
        SECTION_4,
        "reproduction",
        CASES,
        "without balancedness signs of a_j may change",
        check_flips,
    ),
    Claim(
        "F5.grow",
        FIGURE_5,
        "reproduction",
        CASES,
        "the loss starts to fall after about 3000 iterations",
        check_grow,
    ),
    Claim(
        "F5.srank",
        FIGURE_5,
        "reproduction",
        CASES,
        "the stable rank falls below 2 and becomes almost 1",
        check_stable_rank,
    ),
    Claim(
        "F5.rate",
        EQUATION_4,
        "theory",
        CASES,
        "aligned neurons grow at the rate 2 lr ||x_a(u)|| / n of their extreme vector u",
        check_rate,
    ),
    Claim(
        "F5.loss",
        FIGURE_5,
        "reproduction",
        CASES,
        "the data are fitted: L(4000) < 0.2, L(15000) < 0.03",
        check_loss,
    ),
    Claim("F5.descent", FIGURE_5, "reproduction", CASES, "the loss never increases", check_descent),
    Claim(
        "F5.flow",
        FIGURE_5,
        "reproduction",
        CASES,
        "the gradient flow has the loss of the gradient descent",
        check_flow,
    ),
    Claim(
        "F5.pics",
        FIGURE_5,
        "reproduction",
        CASES,
        "at iteration 15000 the mean neurons look like the mean images",
        check_pictures,
    ),
)
