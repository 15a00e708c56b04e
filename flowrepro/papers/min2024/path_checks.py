"""What the proof of Theorem 1 says of activation paths (min2024, Section 3.3 and Appendix C.2), on exact paths.

The paths are those of the limit of vanishing initialisation, where the conditions on its scale hold; Assumptions 1 and 2
are checked. V_- is V_+ with the labels exchanged.
"""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import none_of, number, statement, upper
from flowrepro.claims.old_verdict import Judgement, Ref
from flowrepro.core.trajectory import Study
from flowrepro.engines.alignment import Fate
from flowrepro.papers.min2024 import constants, lattice
from flowrepro.papers.min2024.paths import Path, unpack
from flowrepro.papers.min2024.toy_cases import CLUSTER_PATHS, PLANE_PATHS

CASES = (PLANE_PATHS.name, CLUSTER_PATHS.name)


def separated(findings: Study) -> str | None:
    """Assumption 1: mu > 0."""
    mu = constants.point_constants(findings.X, findings.y).mu
    return None if mu > 0 else f"Assumption 1 fails: mu = {mu:.4g}"


def not_opposite(findings: Study) -> str | None:
    """Assumption 2: no neuron of V_+ (V_-) starts on the ray of x_- (x_+)."""
    furthest = _start(findings).furthest
    return (
        None
        if furthest < 1 - 1e-12
        else "Assumption 2 fails: a neuron starts on the ray of the opposite class"
    )


GIVEN = (separated, not_opposite)


def _start(findings: Study) -> constants.StartConstants:
    W, sign = findings.arrays["start"], findings.arrays["sign"]
    norms = np.linalg.norm(W, axis=1)
    return constants.start_constants(
        findings.X, findings.y, W / norms[:, None], np.log(norms), sign, 0.0
    )


def stay_bound(findings: Study) -> float:
    """4 / (M sqrt(mu) X_min): a pattern with n_a active data lasts at most this over n_a."""
    return constants.stay_bound(constants.point_constants(findings.X, findings.y), _start(findings))


def sizes(findings: Study, path: Path) -> tuple[int, int]:
    """(n_own, n_other): data of the sign of the neuron, and of the other one."""
    own = int(np.sum(findings.y * path.sign > 0))
    return own, len(findings.y) - own


@statement(
    "F4.rule",
    Ref("min2024", "eqs. (7) and (8), Figure 4"),
    "theory",
    CASES,
    "a neuron of V_+ can only gain positive and lose negative data",
    (separated,),
)
def one_way(findings: Study) -> list[Judgement]:
    """measured: changes of activation against the rule, in V_+ and (with exchanged labels) V_-; neurons with more than n changes."""
    against = long = 0
    for path in unpack(findings):
        changes = np.diff(path.active.astype(int), axis=0) * path.sign * findings.y
        against += int(np.sum(changes < 0))
        long += len(path.t) - 1 > len(findings.y)
    return [
        none_of("changes against the rule", against),
        none_of("neurons with more than n changes", long),
    ]


@statement(
    "F2.fates",
    Ref("min2024", "Theorem 1, Figure 2"),
    "theory",
    CASES,
    "a neuron of V_+ ends in S_+ or dead, and in S_+ if it starts active on a positive datum",
    GIVEN,
)
def fates(findings: Study) -> list[Judgement]:
    """measured: neurons that end elsewhere, and those that start active on a datum of their sign and die."""
    elsewhere = wrongly_dead = 0
    for path in unpack(findings):
        elsewhere += not (path.aligned or path.fate is Fate.DEAD)
        wrongly_dead += path.fate is Fate.DEAD and path.counts(findings.y)[0][0] > 0
    return [
        none_of("neurons that end elsewhere", elsewhere),
        none_of("neurons that die although active on a datum of their sign", wrongly_dead),
    ]


@statement(
    "F4.stay",
    Ref("min2024", "Appendix C.2, Figure 4"),
    "theory",
    CASES,
    "a neuron on the way keeps a pattern of n_a data for at most 4 / (M sqrt(mu) X_min n_a)",
    GIVEN,
)
def short_stays(findings: Study) -> list[Judgement]:
    """measured: longest stay in a pattern, times n_a over the bound for n_a = 1; the last pattern is no stay."""
    bound = stay_bound(findings)
    worst = max(
        (
            float(np.max(np.diff(path.t) * path.active[:-1].sum(axis=1), initial=0.0))
            for path in unpack(findings)
        ),
        default=0.0,
    )
    return [
        upper("longest stay over its bound", worst / bound, 1.0),
        number("4 / (M sqrt(mu) X_min)", bound),
    ]


@statement(
    "F14.path",
    Ref("min2024", "Appendix C.2, Figure 14"),
    "theory",
    CASES,
    "neurons that reach S_+ walk on the lattice of (k_+, k_-) to (n_+, 0), avoiding (0, 0)",
    GIVEN,
)
def walks(findings: Study) -> list[Judgement]:
    """measured: neurons that reach the cone of their sign on something else than a path in unit moves."""
    reached = [path for path in unpack(findings) if path.aligned]
    wrong = sum(
        not lattice.is_path(path.counts(findings.y), *sizes(findings, path)) for path in reached
    )
    return [
        none_of(f"walks that are no path, of {len(reached)}", wrong),
        number("moves of the longest path", max((len(path.t) - 1 for path in reached), default=0)),
    ]


@statement(
    "F15.maximal",
    Ref("min2024", "Appendix C.2, Figure 15"),
    "theory",
    CASES,
    "time to S_+ <= T(P) <= T(P_max)",
    GIVEN,
)
def maximal(findings: Study) -> list[Judgement]:
    """measured: largest T(P) / T(P_max), and largest time to the cone over T(P), over the neurons that reach it."""
    bound, ratios, speeds = stay_bound(findings), [0.0], [0.0]
    for path in unpack(findings):
        travel = lattice.travel_time(path.counts(findings.y)) if path.aligned else 0.0
        if travel > 0:
            ratios.append(
                travel / lattice.travel_time(lattice.maximal_path(*sizes(findings, path)))
            )
            speeds.append(float(path.t[-1]) / (bound * travel))
    return [
        upper("largest T(P) / T(P_max)", max(ratios), 1.0 + 1e-12),
        upper("largest time to S_+ over T(P)", max(speeds), 1.0),
    ]


@statement(
    "F16.edges",
    Ref("min2024", "Appendix C.2, Figures 16 and 17"),
    "theory",
    CASES,
    "the edges of a path correspond one-to-one to some of the maximal path, none of which is shorter in time",
    GIVEN,
)
def correspondence(findings: Study) -> list[Judgement]:
    """measured: counterparts that are met twice or are no edges of P_max, and edges that take longer than their counterpart."""
    twice = foreign = longer = 0
    for path in unpack(findings):
        if path.aligned:
            own = lattice.edges(path.counts(findings.y))
            images = [lattice.counterpart(edge) for edge in own]
            known = set(lattice.edges(lattice.maximal_path(*sizes(findings, path))))
            twice += len(images) - len(set(images))
            foreign += sum(image not in known for image in images)
            longer += sum(
                lattice.edge_time(edge) > lattice.edge_time(image)
                for edge, image in zip(own, images, strict=True)
            )
    return [
        none_of("counterparts met twice", twice),
        none_of("counterparts outside P_max", foreign),
        none_of("edges longer than their counterpart", longer),
    ]


CLAIMS = (one_way, fates, short_stays, walks, maximal, correspondence)
