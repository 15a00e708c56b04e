"""The lemmas on the phases of the flow (boursier2022, Appendix B), measured on runs at scales where they say something.

At moderate scales most of them are vacuous: lambda^{eps/29} is above 1/2 for every lambda that is a double. Each lemma
has a rule saying from where on it is not; outside it is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, lower, number, require, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement, Verdict
from flowrepro.core.trajectory import Study
from flowrepro.papers.boursier2022.hypotheses import equal_norms, ref, two_signs
from flowrepro.papers.boursier2022.log_scale import (
    FLOOR,
    LEVEL_FLOOR,
    first_reach,
    power,
    special_times,
)
from flowrepro.papers.boursier2022.sign_classes import (
    SignClass,
    largest_epsilon,
    ratio,
    sign_classes,
)

CASES = ("log-scale", "log-scale-four-points")
SMALL = 4.0
"""A scale 10^-p counts as small from this p on: there no lemma on the alignment failed (20 seeds, measured)."""
ORDER_ONE = 10.0


@dataclass(frozen=True)
class Trace:
    """One run of the study with one eps: its arrays, its special times, its powers of lambda.

    moved : max over S_fast of ||w_j(t2) - w_j(t3)||.
    """

    values: Mapping[str, np.ndarray]
    classes: tuple[SignClass, ...]
    eps: float
    moved: float

    @property
    def ll(self) -> float:
        """ln(1 / lambda)."""
        return float(self.values["ll"])

    @property
    def t(self) -> np.ndarray:
        """Times, (T,)."""
        return self.values["t"]

    def time(self, name: str) -> float:
        """One of `special_times`."""
        return special_times(self.classes, self.ll, self.eps)[name]

    def at(self, quantity: str, time: float | str) -> float:
        """A quantity at a time of the grid, or at a special one."""
        when = self.time(time) if isinstance(time, str) else time
        return float(self.values[quantity][np.abs(self.t - when).argmin()])

    def until(self, quantity: str, end: float, begin: float = 0.0) -> np.ndarray:
        """A quantity over the times of [begin, end], nan excluded."""
        inside = (self.t >= begin * (1 - 1e-12)) & (self.t <= end * (1 + 1e-12))
        return self.values[quantity][inside]

    def power(self, exponent: float, floor: float = FLOOR) -> float:
        """lambda^exponent, not below the floor."""
        return power(self.ll, exponent, floor)

    def t2(self) -> float:
        """First time >= t_{+1} with u_fast >= W_fast - lambda^{eps/5}   (eq 17); NotApplicable if the run does not get there."""
        return self._reached(
            "deficit_fast", self.time("t+1"), self.power(self.eps / 5, LEVEL_FLOOR)
        )

    def t3(self) -> float:
        """First time >= t2 with u_slow >= W_slow - lambda^{eps/29}   (eq 23)."""
        return self._reached("deficit_slow", self.t2(), self.power(self.eps / 29, LEVEL_FLOOR))

    def _reached(self, deficit: str, after: float, level: float) -> float:
        index = first_reach(self.t, self.values[deficit], after, level)
        if index is None:
            raise NotApplicable("the flow was not followed until this phase ends")
        return float(self.t[index])


def traces(findings: Study) -> Iterator[Trace]:
    """Every run on which S+ and S- are not empty (Assumption 3), with every eps of the study."""
    classes = sign_classes(findings.X, findings.y)
    largest = largest_epsilon(classes)
    for i in np.flatnonzero(findings.arrays["complete"]):
        values = {name: array[i] for name, array in findings.arrays.items()}
        for e, fraction in enumerate(findings.case.options["fractions"]):
            yield Trace(values, classes, fraction * largest, float(values["moved"][e]))


def small_scale(trace: Trace) -> str | None:
    """lambda sqrt(m) <= 1e-4."""
    return (
        None if trace.values["p"] >= SMALL else f"the scale 1e-{trace.values['p']:g} is not small"
    )


def of_order_one(findings: Study) -> str | None:
    """Labels and inverse norms of order one: the scale below which the lemmas hold depends on the points, and the rules here are for these."""
    weights = [chosen.weight for chosen in sign_classes(findings.X, findings.y)]
    if min(weights) >= 1 / ORDER_ONE and max(weights) <= ORDER_ONE:
        return None
    return f"the rules for the scale are those of labels of order one, and these points have W+, W- = {max(weights):.3g}, {min(weights):.3g}; rescale them"


def resolves_phase_2(trace: Trace) -> str | None:
    """lambda^{eps/5} < W_fast / 2, else t2 = t_{+1}."""
    half = trace.classes[0].weight / 2
    return (
        None
        if np.exp(-trace.ll * trace.eps / 5) < half
        else f"lambda^(eps/5) is not below W+/2 = {half:.3g}, so t2 is the start of phase 2"
    )


def resolves_phase_3(trace: Trace) -> str | None:
    """lambda^{eps/29} < W_slow / 2, else t3 = t2."""
    half = trace.classes[1].weight / 2
    return (
        None
        if np.exp(-trace.ll * trace.eps / 29) < half
        else f"lambda^(eps/29) is not below W-/2 = {half:.3g}, so t3 is the start of phase 3"
    )


Measure = Callable[[Trace], list[Judgement]]
Rule = Callable[[Trace], str | None]


def over_traces(findings: Study, applies: Rule, measure: Measure) -> list[Judgement]:
    """Every part of ``measure`` where it holds by least, over the traces to which the lemma applies; NotApplicable without any."""
    parts: dict[str, tuple[float, Judgement, Trace]] = {}
    judged, reason = 0, "on no draw are S+ and S- both non-empty (Assumption 3)"
    for trace in traces(findings):
        outside = applies(trace)
        if outside is not None:
            reason = outside
            continue
        judged += 1
        for part in measure(trace):
            key = _tightness(part)
            if part.note not in parts or key < parts[part.note][0]:
                parts[part.note] = (key, part, trace)
    require(None if judged else reason)
    return [
        *(_placed(part, trace) for _, part, trace in parts.values()),
        number("runs and eps judged", judged),
    ]


def _tightness(part: Judgement) -> float:
    size = abs(part.bound) if isinstance(part.bound, float) and part.bound else 1.0
    return -np.inf if np.isnan(part.slack) else part.slack / size


def _placed(part: Judgement, trace: Trace) -> Judgement:
    again = upper if part.relation == "<=" else lower
    assert isinstance(part.bound, float)
    note = f"{part.note} (tightest at 1e-{trace.values['p']:g}, seed {trace.values['seed']}, eps {trace.eps:.3g})"
    return again(note, part.measured, part.bound)


# ---- the lemmas as measurements


def alignment(trace: Trace) -> list[Judgement]:
    """Lemma 2 (7 and 8): S+ and S- are aligned at t1, all neurons are still small."""
    fast, slow = (
        np.log(2 * trace.values["c"]) - trace.ll * (1 - factor * trace.eps)
        for factor in (1.0, ratio(trace.classes))
    )
    return [
        lower(
            "cosine of S+ with D+ at t1", trace.at("cos_fast", "t1"), 1 - 2 * trace.power(trace.eps)
        ),
        lower(
            "cosine of S- with -D- at t1",
            trace.at("cos_slow", "t1"),
            1 - 2 * trace.power(trace.eps),
        ),
        upper("ln max ||w_j|| at t_{+1}", trace.at("ln_most", "t+1"), float(fast)),
        upper("ln max ||w_j|| at t1", trace.at("ln_most", "t1"), float(slow)),
    ]


def hyperbolic(trace: Trace) -> list[Judgement]:
    """In its proof: cos(w_j, D) >= tanh(||D|| t) for t <= t1."""
    t = trace.until("t", trace.time("t1"))
    return [
        lower(
            f"least cosine of {name} - tanh",
            float((trace.until(f"cos_{key}", trace.time("t1")) - np.tanh(chosen.rate * t)).min()),
            -1e-9,
        )
        for name, key, chosen in zip(("S+", "S-"), ("fast", "slow"), trace.classes, strict=True)
    ]


def not_shrunk(trace: Trace) -> list[Judgement]:
    """Lemma 9: ||w_j|| > c_min lambda^{1 + eps} / 2 on S+ up to t_{+1}, with r eps on S- up to t_{-1}."""
    base, r = float(np.log(trace.values["c_min"] / 2)), ratio(trace.classes)
    return [
        lower(
            "least ln ||w_j|| of S+",
            trace.until("ln_least_fast", trace.time("t+1")).min(),
            base - trace.ll * (1 + trace.eps),
        ),
        lower(
            "least ln ||w_j|| of S-",
            trace.until("ln_least_slow", trace.time("t1")).min(),
            base - trace.ll * (1 + r * trace.eps),
        ),
    ]


def wrong_labels(trace: Trace) -> list[Judgement]:
    """Lemmas 7 (iii) and 8 (iii): S+ and S- are inactive on the labels of the other sign, from a time that the draw decides."""
    late = np.abs(trace.values["settled"] - trace.values["settled_predicted"]).max()
    return [
        upper("|last deactivation - closed form from the draw|", float(late), 1e-3),
        upper(
            "largest <w_j, x_k>/||w_j|| of S+ on negative labels at t_{+1}",
            trace.at("wrong_fast", "t+1"),
            1e-12,
        ),
        upper(
            "largest <w_j, x_k>/||w_j|| of S- on positive labels at t1",
            trace.at("wrong_slow", "t1"),
            1e-12,
        ),
    ]


def never_active_again(trace: Trace) -> list[Judgement]:
    """Lemma 6: on orthogonal points an inactive pair (j, k) stays inactive."""
    return [
        upper("events by which a neuron becomes active", float(trace.values["activations"]), 0.0)
    ]


def theorem_1(trace: Trace) -> list[Judgement]:
    """Theorem 1: zero loss, least norm, theta*, up to what neurons that miss the smallest label of a class leave."""
    gamma = min(chosen.straggler for chosen in trace.classes)
    left, root_m = (
        float(np.exp(-trace.ll * gamma)),
        float(np.exp(trace.ll - trace.values["p"] * np.log(10.0))),
    )
    far = 3 * float(trace.values["c"]) * root_m * left
    return [
        upper("L at the end", float(trace.values["loss"][-1]), 1e-12),
        upper(
            "|norm^2 / least - 1| / max(1e-6, 3 lambda^(2 gamma))",
            abs(float(trace.values["norm_ratio"]) - 1) / max(1e-6, 3 * left**2),
            1.0,
        ),
        upper(
            "||theta - theta*|| / max(1e-8, 3 c sqrt(m) lambda^gamma)",
            float(trace.values["to_limit"][-1]) / max(1e-8, far),
            1.0,
        ),
    ]


def few_stragglers(trace: Trace) -> str | None:
    """A small scale at which the bounds of `theorem_1` are below 1/10."""
    gamma = min(chosen.straggler for chosen in trace.classes)
    left = float(3 * np.exp(-2 * trace.ll * gamma))
    return small_scale(trace) or (
        None
        if left <= 0.1
        else f"neurons that miss a label are not negligible (3 lambda^(2 gamma) = {left:.2g})"
    )


def settled_in_time(trace: Trace) -> str | None:
    """The last deactivation, whose time does not depend on lambda, lies before t_{+1} and t_{-1}."""
    outside = small_scale(trace)
    if outside is None and np.any(
        trace.values["settled_predicted"] > [trace.time("t+1"), trace.time("t1")]
    ):
        needed = (
            max(trace.values["settled_predicted"] * [chosen.rate for chosen in trace.classes])
            / trace.eps
            / np.log(10.0)
        )
        outside = f"the last deactivation of this draw comes after t_{{+-1}}; it needs lambda < 1e-{needed:.3g}"
    return outside


def growth(trace: Trace) -> list[Judgement]:
    """||w_j(t)|| <= ||w_j(0)|| e^{||D+|| t} up to the half-fit of the faster class."""
    end = float(trace.values["half_time_predicted"][0])
    excess = trace.until("ln_growth", end) - trace.classes[0].rate * trace.until("t", end)
    return [upper("largest ln(||w_j(t)|| / ||w_j(0)||) - ||D+|| t", float(excess.max()), 1e-6)]


def second_phase(trace: Trace) -> list[Judgement]:
    """Lemma 3 (10): S+ fits the positive labels by t2; the others stay small, S+ stays aligned."""
    fast = trace.classes[0]
    t2, begin, rate = trace.t2(), trace.time("t+1"), fast.rate
    left = (
        np.sum(np.square(fast.y))
        / (2 * fast.n)
        * (trace.power(trace.eps / 5, LEVEL_FLOOR) / fast.weight) ** 2
    )
    return [
        upper("t2 / its bound", t2 / trace.time("t2 bound"), 1.0),
        lower(
            "<w_j, D+>/||w_j|| of S+ up to t2",
            rate * trace.until("cos_fast", t2, begin).min(),
            rate - trace.power(trace.eps / 2),
        ),
        upper(
            "max ||w_j|| outside S+ up to t2, ln",
            _greatest(trace, "ln_most_not_fast", begin, t2),
            _ln_bound(trace, 2.0),
        ),
        upper(
            "loss of the positive labels at t2 / (lambda^(2 eps/5) sum y^2 / (2 n W+^2))",
            trace.at("loss_fast", t2) / left,
            1.01,
        ),
    ]


def _ln_bound(trace: Trace, factor: float) -> float:
    return float(np.log(factor * trace.values["c"]) - trace.ll * trace.eps)


def _greatest(trace: Trace, quantity: str, begin: float, end: float) -> float:
    """Largest value, -inf where there are no such neurons."""
    values = trace.until(quantity, end, begin)
    return float("-inf") if np.all(np.isnan(values)) else float(values.max())


def near_saddle(trace: Trace) -> list[Judgement]:
    """Fact 1: ||theta_t - theta_S|| <= lambda^{eps/5} from (1 + 3 eps) ll / ||D+|| to (1 - eps) ll / ||D-||."""
    inside = trace.until("to_saddle", trace.time("saddle until"), trace.time("t2 bound"))
    return [
        upper(
            "||theta - theta_S|| / lambda^(eps/5)",
            float(inside.max()) / trace.power(trace.eps / 5),
            1.0,
        )
    ]


def third_phase(trace: Trace) -> list[Judgement]:
    """Lemma 4 (11): S- fits the negative labels by t3, while nothing else moves."""
    t3, rate = trace.t3(), trace.classes[1].rate
    begin = trace.t2()
    return [
        upper("t3 / its bound", t3 / trace.time("t3 bound"), 1.0),
        lower(
            "<w_j, -D->/||w_j|| of S- up to t3",
            rate * trace.until("cos_slow", t3, begin).min(),
            rate - trace.power(trace.eps / 14),
        ),
        upper(
            "||D+^t|| from t2 to t3 / lambda^(eps/14)",
            float(trace.until("pull_fast", t3, begin).max()) / trace.power(trace.eps / 14),
            1.0,
        ),
        upper(
            "movement of S+ from t2 to t3 / lambda^(eps/15)",
            trace.moved / trace.power(trace.eps / 15),
            1.0,
        ),
        upper(
            "max ||w_j|| outside S+ and S- up to t3, ln",
            _greatest(trace, "ln_most_others", begin, t3),
            _ln_bound(trace, 3.0),
        ),
    ]


def final_state(trace: Trace) -> list[Judgement]:
    """Lemmas 12 and 13: at t3 theta is near theta*, and the loss small."""
    t3 = trace.t3()
    return [
        upper(
            "||theta - theta*|| at t3 / lambda^(eps/31)",
            trace.at("to_limit", t3) / trace.power(trace.eps / 31),
            1.0,
        ),
        upper("L at t3 / lambda^(eps/60)", trace.at("loss", t3) / trace.power(trace.eps / 60), 1.0),
    ]


@dataclass(frozen=True)
class Lemma:
    """A statement about one trace: its name, where it stands, what it says, to which traces it applies, what it measures."""

    id: str
    name: str
    place: str
    claim: str
    applies: Rule
    measure: Measure

    def holds(self, trace: Trace) -> bool:
        """Whether every part holds, be it applicable or not; a phase that does not end does not."""
        try:
            return all(part.verdict is not Verdict.FAIL for part in self.measure(trace))
        except NotApplicable:
            return False

    def check(self) -> Claim:
        """The lemma as a check of the log-scale studies."""

        def judge(findings: Study) -> list[Judgement]:
            return over_traces(findings, self.applies, self.measure)

        judge.__doc__ = f"{self.measure.__doc__}\n\n    measured: each part where it holds by least, over the scales, seeds and eps to which it applies."
        return statement(
            self.id,
            ref(self.place),
            "theory",
            CASES,
            self.claim,
            (two_signs, equal_norms, of_order_one),
        )(judge)


LEMMAS = (
    Lemma(
        "lemma-6-flow",
        "Lemma 6",
        "Lemma 6",
        "an inactive neuron stays inactive on a label",
        lambda trace: None,
        never_active_again,
    ),
    Lemma(
        "lemma-2",
        "Lemma 2",
        "Lemmas 2, 7 and 8",
        "the neurons of S+ and S- align with D+ and -D- while all are small",
        small_scale,
        alignment,
    ),
    Lemma(
        "lemma-2-proof",
        "tanh",
        "Lemma 7, proof",
        "cos(w_j, D) >= tanh(||D|| t) while the neurons align",
        small_scale,
        hyperbolic,
    ),
    Lemma(
        "lemma-7-iii",
        "Lemma 7 (iii)",
        "Lemmas 7 and 8 (iii)",
        "S+ and S- are inactive on the other labels once aligned",
        settled_in_time,
        wrong_labels,
    ),
    Lemma(
        "lemma-9",
        "Lemma 9",
        "Lemma 9",
        "no neuron of S+ or S- shrinks much while it aligns",
        small_scale,
        not_shrunk,
    ),
    Lemma(
        "growth",
        "growth",
        "Appendix B.4",
        "no neuron grows faster than e^{||D+|| t} before the first half-fit",
        small_scale,
        growth,
    ),
    Lemma(
        "lemma-3",
        "Lemma 3",
        "Lemmas 3 and 10",
        "phase 2: S+ fits the positive labels in time, nothing else grows",
        resolves_phase_2,
        second_phase,
    ),
    Lemma(
        "fact-1",
        "Fact 1",
        "Fact 1",
        "the flow stays near the saddle theta_S between phases 2 and 3",
        resolves_phase_2,
        near_saddle,
    ),
    Lemma(
        "lemma-4",
        "Lemma 4",
        "Lemmas 4 and 11",
        "phase 3: S- fits the negative labels in time, nothing else moves",
        resolves_phase_3,
        third_phase,
    ),
    Lemma(
        "lemma-12",
        "Lemma 12",
        "Lemmas 12 and 13",
        "after phase 3 the flow is near theta* and its loss is small",
        resolves_phase_3,
        final_state,
    ),
    Lemma(
        "theorem-1-flow",
        "Theorem 1",
        "Theorem 1",
        "zero loss and, for lambda -> 0, the least norm",
        few_stragglers,
        theorem_1,
    ),
)
"""In the order of the phases."""

CLAIMS = tuple(lemma.check() for lemma in LEMMAS)
