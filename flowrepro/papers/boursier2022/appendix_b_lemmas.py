"""The lemmas on the phases of the flow (boursier2022, Appendix B), where they say something.

Every lemma is measured on all traces to which its rule applies; each part counts where it holds by
least.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from flowrepro.claims.claim import Claim, NotApplicable, require
from flowrepro.claims.limits import failing
from flowrepro.claims.verdict import Part, Verdict, at_least, at_most, number
from flowrepro.core.trajectory import Study
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import HeatMap, Mark, Panel, Points, Text, Ticks
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.boursier2022.appendix_b_flow import BOTH, LEVEL_FLOOR, of_the_paper
from flowrepro.papers.boursier2022.hypotheses import equal_norms, two_signs
from flowrepro.papers.boursier2022.sign_classes import ratio
from flowrepro.papers.boursier2022.traces import (
    Rule,
    Trace,
    always,
    few_stragglers,
    of_order_one,
    resolves_phase_2,
    resolves_phase_3,
    settled_in_time,
    small_scale,
    traces,
)
from flowrepro.papers.topic import Topic

topic = Topic(
    PAPER, "Appendix B: the lemmas on the phases", given=(two_signs, equal_norms, of_order_one)
)

Measure = Callable[[Trace], Iterator[Part]]


@dataclass(frozen=True)
class Lemma:
    """A statement about one trace: to which traces it applies, what it measures, its claim."""

    name: str
    applies: Rule
    measure: Measure
    claim: Claim

    def holds(self, trace: Trace) -> bool:
        """Whether every part holds, be it applicable or not; a phase that does not end does not."""
        try:
            return all(part.verdict is not Verdict.FAIL for part in self.measure(trace))
        except NotApplicable:
            return False


LEMMAS: list[Lemma] = []
"""In the order of the phases."""


def lemma(
    id: str, name: str, place: str, sentence: str, applies: Rule
) -> Callable[[Measure], Measure]:
    """Decorator: the parts of a lemma on one trace, as a claim about both studies."""

    def declare(measure: Measure) -> Measure:
        def judge(result: Study) -> Iterator[Part]:
            return over_traces(result, applies, measure)

        claim = topic.claim(id, sentence, place=place, on=BOTH)(judge)
        LEMMAS.append(Lemma(name, applies, measure, claim))
        return measure

    return declare


def over_traces(result: Study, applies: Rule, measure: Measure) -> Iterator[Part]:
    """Every part where it holds by least, over the traces to which the lemma applies.

    On points other than the paper's, a lemma that fails at a scale is judged at the smaller ones:
    the paper says that there is a lambda*, not which. NotApplicable without a trace.
    """
    found: list[tuple[Trace, list[Part]]] = []
    reason = "on no draw are S+ and S- both non-empty (Assumption 3)"
    for trace in traces(result):
        if (outside := applies(trace)) is None:
            found.append((trace, list(measure(trace))))
        reason = outside or reason
    unnamed = applies is not always and not of_the_paper(result)
    failures = {
        float(trace.values["p"]): failed
        for trace, measured in found
        if unnamed and (failed := failing(measured))
    }
    last = max(failures, default=-np.inf)
    judged = [(trace, measured) for trace, measured in found if trace.values["p"] > last]
    if failures:
        reason = (
            f"at 1e-{last:g}, the smallest scale, it does not hold ({failures[last]} fails), and "
            "the paper names no lambda* from which on it does; add smaller scales to options.p"
        )
    require(None if judged else reason)
    parts: dict[str, tuple[float, Part, Trace]] = {}
    for trace, measured in judged:
        for part in measured:
            size = abs(part.bound) if isinstance(part.bound, float) and part.bound else 1.0
            slack = -np.inf if np.isnan(part.slack) else part.slack / size
            if part.note not in parts or slack < parts[part.note][0]:
                parts[part.note] = (slack, part, trace)
    for _, part, trace in parts.values():
        p, seed = trace.values["p"], trace.values["seed"]
        place = f"(tightest at 1e-{p:g}, seed {seed}, eps {trace.eps:.3g})"
        yield dataclasses.replace(part, note=f"{part.note} {place}")
    yield number("runs and eps judged", len(judged))
    if failures:
        yield number("not judged: scales 10^-p, up to p", last)


@lemma(
    "lemma-6-flow",
    "Lemma 6",
    "Lemma 6",
    "On orthogonal points a neuron that is inactive on a label stays inactive on it.",
    always,
)
def never_active_again(trace: Trace) -> Iterator[Part]:
    """Events by which a neuron becomes active on a label."""
    again = float(trace.values["activations"])
    yield at_most("events by which a neuron becomes active", again, 0.0)


@lemma(
    "lemma-2",
    "Lemma 2",
    "Lemmas 2, 7 and 8",
    "The neurons of S+ and S- align with D+ and -D- while all neurons are small.",
    small_scale,
)
def alignment(trace: Trace) -> Iterator[Part]:
    """Cosines at t1, and the largest norm at t_{+1} and at t1."""
    c, aligned = trace.values["c"], 1 - 2 * trace.power(trace.eps)
    yield at_least("cosine of S+ with D+ at t1", trace.at("cos_fast", "t1"), aligned)
    yield at_least("cosine of S- with -D- at t1", trace.at("cos_slow", "t1"), aligned)
    for name, time, factor in (("t_{+1}", "t+1", 1.0), ("t1", "t1", ratio(trace.classes))):
        most = np.log(2 * c) - trace.ll * (1 - factor * trace.eps)
        yield at_most(f"ln max ||w_j|| at {name}", trace.at("ln_most", time), float(most))


@lemma(
    "lemma-2-proof",
    "tanh",
    "Lemma 7, proof",
    "While the neurons align, cos(w_j, D) >= tanh(||D|| t).",
    small_scale,
)
def hyperbolic(trace: Trace) -> Iterator[Part]:
    """Least difference for t <= t1."""
    end = trace.time("t1")
    t = trace.until("t", end)
    for name, key, chosen in zip(("S+", "S-"), ("fast", "slow"), trace.classes, strict=True):
        above = trace.until(f"cos_{key}", end) - np.tanh(chosen.rate * t)
        yield at_least(f"least cosine of {name} - tanh", float(above.min()), -1e-9)


@lemma(
    "lemma-7-iii",
    "Lemma 7 (iii)",
    "Lemmas 7 and 8 (iii)",
    "Once aligned, S+ and S- are inactive on the labels of the other sign.",
    settled_in_time,
)
def wrong_labels(trace: Trace) -> Iterator[Part]:
    """From a time on that the draw decides."""
    late = np.abs(trace.values["settled"] - trace.values["settled_predicted"]).max()
    yield at_most("|last deactivation - closed form from the draw|", float(late), 1e-3)
    for key, time, note in (
        ("wrong_fast", "t+1", "S+ on negative labels at t_{+1}"),
        ("wrong_slow", "t1", "S- on positive labels at t1"),
    ):
        yield at_most(f"largest <w_j, x_k>/||w_j|| of {note}", trace.at(key, time), 1e-12)


@lemma(
    "lemma-9",
    "Lemma 9",
    "Lemma 9",
    "No neuron of S+ or S- shrinks much while it aligns.",
    small_scale,
)
def not_shrunk(trace: Trace) -> Iterator[Part]:
    """||w_j|| > c_min lambda^{1 + eps} / 2 on S+ up to t_{+1}, with r eps on S- up to t_{-1}."""
    base, r = float(np.log(trace.values["c_min"] / 2)), ratio(trace.classes)
    for name, key, time, factor in (("S+", "fast", "t+1", 1.0), ("S-", "slow", "t1", r)):
        least = trace.until(f"ln_least_{key}", trace.time(time)).min()
        bound = base - trace.ll * (1 + factor * trace.eps)
        yield at_least(f"least ln ||w_j|| of {name}", least, bound)


@lemma(
    "appendix-b-4-growth",
    "growth",
    "Appendix B.4",
    "No neuron grows faster than e^{||D+|| t} before the first half-fit.",
    small_scale,
)
def growth(trace: Trace) -> Iterator[Part]:
    """||w_j(t)|| <= ||w_j(0)|| e^{||D+|| t}."""
    end = float(trace.values["half_time_predicted"][0])
    excess = trace.until("ln_growth", end) - trace.classes[0].rate * trace.until("t", end)
    note = "largest ln(||w_j(t)|| / ||w_j(0)||) - ||D+|| t"
    yield at_most(note, float(excess.max()), 1e-6)


def _small_outside(
    trace: Trace, where: str, quantity: str, begin: float, end: float, factor: float
) -> Part:
    """max ||w_j|| <= factor c lambda^eps outside some sets, -inf where there is no such neuron."""
    largest = float(trace.until(quantity, end, begin).max())
    bound = float(np.log(factor * trace.values["c"]) - trace.ll * trace.eps)
    return at_most(f"max ||w_j|| outside {where}, ln", largest, bound)


@lemma(
    "lemma-3",
    "Lemma 3",
    "Lemmas 3 and 10",
    "Phase 2: S+ fits the positive labels in time, and nothing else grows.",
    resolves_phase_2,
)
def second_phase(trace: Trace) -> Iterator[Part]:
    """S+ fits by t2 and stays aligned; the others stay small."""
    fast = trace.classes[0]
    t2, begin, rate = trace.t2(), trace.time("t+1"), fast.rate
    left = (
        np.sum(np.square(fast.y))
        / (2 * fast.n)
        * (trace.power(trace.eps / 5, LEVEL_FLOOR) / fast.weight) ** 2
    )
    yield at_most("t2 / its bound", t2 / trace.time("t2 bound"), 1.0)
    yield at_least(
        "<w_j, D+>/||w_j|| of S+ up to t2",
        rate * trace.until("cos_fast", t2, begin).min(),
        rate - trace.power(trace.eps / 2),
    )
    yield _small_outside(trace, "S+ up to t2", "ln_most_not_fast", begin, t2, 2.0)
    yield at_most(
        "loss of the positive labels at t2 / (lambda^(2 eps/5) sum y^2 / (2 n W+^2))",
        trace.at("loss_fast", t2) / left,
        1.01,
    )


@lemma(
    "fact-1",
    "Fact 1",
    "Fact 1",
    "The flow stays near the saddle theta_S between phases 2 and 3.",
    resolves_phase_2,
)
def near_saddle(trace: Trace) -> Iterator[Part]:
    """||theta_t - theta_S|| from (1 + 3 eps) ll / ||D+|| to (1 - eps) ll / ||D-||."""
    inside = trace.until("to_saddle", trace.time("saddle until"), trace.time("t2 bound"))
    distance = float(inside.max()) / trace.power(trace.eps / 5)
    yield at_most("||theta - theta_S|| / lambda^(eps/5)", distance, 1.0)


@lemma(
    "lemma-4",
    "Lemma 4",
    "Lemmas 4 and 11",
    "Phase 3: S- fits the negative labels in time, and nothing else moves.",
    resolves_phase_3,
)
def third_phase(trace: Trace) -> Iterator[Part]:
    """S- fits by t3 and stays aligned; S+, its labels and the other neurons stay."""
    eps, rate, t3, begin = trace.eps, trace.classes[1].rate, trace.t3(), trace.t2()
    pull = float(trace.until("pull_fast", t3, begin).max())
    cosine = rate * trace.until("cos_slow", t3, begin).min()
    yield at_most("t3 / its bound", t3 / trace.time("t3 bound"), 1.0)
    yield at_least("<w_j, -D->/||w_j|| of S- up to t3", cosine, rate - trace.power(eps / 14))
    yield at_most("||D+^t|| from t2 to t3 / lambda^(eps/14)", pull / trace.power(eps / 14), 1.0)
    moved = trace.moved / trace.power(eps / 15)
    yield at_most("movement of S+ from t2 to t3 / lambda^(eps/15)", moved, 1.0)
    yield _small_outside(trace, "S+ and S- up to t3", "ln_most_others", begin, t3, 3.0)


@lemma(
    "lemma-12",
    "Lemma 12",
    "Lemmas 12 and 13",
    "After phase 3 the flow is near theta* and its loss is small.",
    resolves_phase_3,
)
def final_state(trace: Trace) -> Iterator[Part]:
    """Distance to theta* and loss at t3."""
    t3, eps = trace.t3(), trace.eps
    distance = trace.at("to_limit", t3) / trace.power(eps / 31)
    yield at_most("||theta - theta*|| at t3 / lambda^(eps/31)", distance, 1.0)
    yield at_most("L at t3 / lambda^(eps/60)", trace.at("loss", t3) / trace.power(eps / 60), 1.0)


@lemma(
    "theorem-1-flow",
    "Theorem 1",
    "Theorem 1",
    "The flow tends to zero loss and, for lambda -> 0, to theta* and the least norm.",
    few_stragglers,
)
def theorem_1(trace: Trace) -> Iterator[Part]:
    """Up to what neurons that miss the smallest label of a class leave."""
    values = trace.values
    left = float(np.exp(-trace.ll * min(chosen.straggler for chosen in trace.classes)))
    root_m = float(np.exp(trace.ll - values["p"] * np.log(10.0)))
    far = 3 * float(values["c"]) * root_m * left
    yield at_most("L at the end", float(values["loss"][-1]), 1e-12)
    yield at_most(
        "|norm^2 / least - 1| / max(1e-6, 3 lambda^(2 gamma))",
        abs(float(values["norm_ratio"]) - 1) / max(1e-6, 3 * left**2),
        1.0,
    )
    yield at_most(
        "||theta - theta*|| / max(1e-8, 3 c sqrt(m) lambda^gamma)",
        float(values["to_limit"][-1]) / max(1e-8, far),
        1.0,
    )


def validity(result: Study) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """p (P,), and (L, P) for the lemmas: share of draws and eps on which each holds, is judged.

    NotDrawable without a draw that satisfies Assumption 3.
    """
    known = list(traces(result))
    if not known:
        raise NotDrawable("on no draw are S+ and S- both non-empty (Assumption 3)")
    p = np.unique([float(trace.values["p"]) for trace in known])
    groups = [[trace for trace in known if trace.values["p"] == scale] for scale in p]
    share = [
        [np.mean([each.holds(trace) for trace in group]) for group in groups] for each in LEMMAS
    ]
    judged = [
        [any(each.applies(trace) is None for trace in group) for group in groups] for each in LEMMAS
    ]
    return p, np.array(share), np.array(judged)


@topic.figure(
    "validity",
    "At which scales the lemmas on the phases hold (numbers: per cent of the draws), and from "
    "where on they say something on some draw.",
    on=BOTH,
    layout=(1, 2, style.PAGE, 3.2),
    share="y",
)
def validity_map(*results: Study) -> Iterator[Panel]:
    """Share of draws as shades, a dot where a lemma says something; the first phase on top."""
    for title, result in zip(("two points", "four points"), results, strict=True):
        p, share, judged = (
            values[::-1] if values.ndim == 2 else values for values in validity(result)
        )
        rows, columns = np.nonzero(judged)
        bar = "share of draws and eps on which it holds"
        marks: list[Mark] = [
            HeatMap(share, colours="light", low=0.0, high=1.0, bar=bar),
            Points(columns, rows, size=2.5, label="says something at this scale (judged)"),
        ]
        rows, columns = np.nonzero((share > 0) & (share < 1))
        texts = [f"{100 * part:.0f}" for part in share[rows, columns]]
        if texts:
            marks.append(Text(columns, rows - 0.34, texts, size=5.0))
        yield Panel(
            marks,
            title=title,
            xlabel=r"$p$, scale $10^{-p}$",
            ylabel="statement",
            xticks=Ticks(range(len(p)), [f"{each:g}" for each in p], rotation=90),
            yticks=Ticks(range(len(LEMMAS)), [each.name for each in LEMMAS[::-1]]),
        )
