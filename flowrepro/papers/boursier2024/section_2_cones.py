r"""Section 2.2: activation cones, forces and extremal vectors of a data set, before any training.

A neuron w in the cone of u (signs of <w, x_k>) feels the force D_u = (1/n) sum over u_k > 0 of
y_k x_k. The extremal vectors are the D_u in their own cone (or its negative): the critical points
of G(w) = <w, D(w)> on the sphere. All is for the half mean square: pulls g_k = y_k / n, and t the
time of its flow.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from flowrepro.claims.controls import altered
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number, within
from flowrepro.core.config import Data, Target
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.errors import DataError
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import (
    Arrows,
    Horizontal,
    Line,
    Mark,
    Panel,
    Points,
    Span,
    Text,
    Vertical,
)
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.assumptions import slacks
from flowrepro.papers.boursier2024.exact_alignment import settling, start_directions
from flowrepro.papers.boursier2024.neurons import angles
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.arrangement import ON, Arrangement, arrangement, cover_bound
from flowrepro.theory.arrangement_constants import alignment_constants, generic_position
from flowrepro.theory.arrangement_extremal import Subgradients, extremal_vectors, subgradients

topic = Topic(PAPER, "Cones and extremal vectors")
INDEPENDENT = 1e-12
"""Singular values below this part of the largest force are zero."""
MOST_NAMED = 8
"""Samples up to which their directions carry a name."""
GRID = 721


@topic.study
def analysis(
    data: Dataset,
    *,
    alpha: float = option(0.0, "slope of the leaky part", within=(0.0, 0.999)),
    eta: float = option(1 / 6, "size of the boxes of Assumption 3", within=(1e-6, 1.0)),
    eps: list[float] = option([0.1, 0.2, 0.3], "eps of Theorem 1", within=(1e-3, 0.3333)),
    alpha0: list[float] = option([1.0, 0.1], "alpha_0 of Condition 1", within=(1e-3, 1.0)),
    directions: int = option(720, "starts of the alignment", within=(4, 100_000)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Cones, extremal vectors, constants, slacks of the assumptions, and exact alignment times.

    DataError for points with too many cones, and for fewer than two points.
    """
    X, y = data.X, data.y
    if len(X) < 2 or not np.any(y):
        raise DataError(
            "the analysis needs two points or more and labels that are not all zero; "
            "give others with --data"
        )
    cones = arrangement(X)
    forces = subgradients(cones, y / len(y), alpha)
    progress(1, 10)
    constants = alignment_constants(forces)
    arrays = {
        **_cones(cones, forces),
        "D_max": np.array(constants.largest),
        "D_min": np.array(constants.smallest),
        "delta_outer": np.array(constants.boundary_outer),
        "delta_inner": np.array(constants.boundary_inner),
        "alpha_plus": np.array(constants.angle_plus),
        "alpha_minus": np.array(constants.angle_minus),
        "critical_scale": np.array([[constants.critical_scale(a, e) for e in eps] for a in alpha0]),
        "settling_bound": np.array([constants.settling_bound(a) for a in alpha0]),
        "log10_misalignment": np.array([constants.log10_misalignment(a) for a in alpha0]),
        **slacks(cones, y, eta),
    }
    progress(2, 10)
    return arrays | settling(
        cones, forces, y, start_directions(cones, directions, seed),
        lambda done, total: progress(2 * total + 8 * done, 10 * total),
    )  # fmt: skip


def _cones(cones: Arrangement, forces: Subgradients) -> dict[str, np.ndarray]:
    found = extremal_vectors(forces)
    boundary, independence = generic_position(cones, forces)
    return {
        "signs": cones.signs,
        "dimension": cones.dimension,
        "inside": cones.inside,
        "D": forces.D,
        "own": forces.own,
        "opposite": forces.opposite,
        "rank": np.array(cones.rank),
        "cells": np.array(cones.n_cells),
        "cover_bound": np.array(cover_bound(len(cones.X), cones.rank)),
        "extremal_cone": np.array([e.cone for e in found], dtype=np.int64),
        "extremal_D": np.array([e.D for e in found]).reshape(-1, cones.X.shape[1]),
        "extremal_sign": np.array([e.sign for e in found], dtype=np.int64),
        "extremal_kind": np.array([e.kind.value for e in found], dtype="U8"),
        "generic_boundary": np.array(boundary),
        "generic_independence": np.array(independence),
    }


def _measured(what: str, ours: float, width: float) -> Target:
    """A number that the paper defines: ours, up to the rounding of the digits kept."""
    window = (ours - width, ours + width)
    return Target(what=what, paper="defined, not stated", ours=ours, window=window)


ANALYSIS = analysis.case(
    "analysis",
    "Cones, extremal vectors, constants and assumptions of the points of Figure 2, before any "
    "training.",
    Data(name="three-points"),
    targets=(
        _measured("norm of D*", 0.714969, 1e-6),
        _measured("angle of D* (degrees)", 111.18, 0.01),
        _measured("D_max", 0.714969, 1e-6),
        _measured("D_min", 0.268742, 1e-6),
        _measured("delta_0", 0.629476, 1e-6),
        _measured("alpha_min", 0.728690, 1e-6),
        _measured("lambda* (alpha0 = 1, eps = 0.1)", 0.0693, 5e-5),
        _measured("lambda* (alpha0 = 0.1, eps = 0.3)", 7.98e-5, 1e-7),
        _measured("bound of t_2 (alpha0 = 1)", 74.57, 0.01),
        _measured("latest t_2 of a > 0", 3.058, 0.001),
        _measured("log10 c (alpha0 = 1)", 24.19, 0.01),
        _measured("least eigenvalue of X^T X / n", 0.116817, 1e-6),
        _measured("alpha of eq 49", 0.3, 1e-9),
        _measured("Dbar", 0.88946, 1e-5),
        _measured("kappa", 3.150, 1e-3),
        _measured("Assumption 5, least left / right", 0.4569, 1e-4),
    ),
    quick={"options.directions": 60},
)
ANALYSIS_BOXES = analysis.case(
    "analysis-boxes",
    "The same of the points of Figure 1, which lie in the boxes of Assumption 3.",
    Data(name="three-points-in-boxes"),
    targets=(
        _measured("norm of D*", 0.750119, 1e-6),
        _measured("angle of D* (degrees)", 91.02, 0.01),
        _measured("D_min", 0.470877, 1e-6),
        _measured("delta_0", 0.548551, 1e-6),
        _measured("alpha_min", 0.147000, 1e-6),
        _measured("lambda* (alpha0 = 1, eps = 0.1)", 0.0118, 5e-5),
        _measured("lambda* (alpha0 = 0.1, eps = 0.3)", 1.27e-4, 1e-6),
        _measured("bound of t_2 (alpha0 = 1)", 626.2, 0.1),
        _measured("latest t_2 of a > 0", 5.4308, 0.001),
        _measured("log10 c (alpha0 = 1)", 206.5, 0.1),
        _measured("least eigenvalue of X^T X / n", 0.540229, 1e-6),
        _measured("alpha of eq 49", 0.6566, 1e-4),
        _measured("Dbar", 1.09218, 1e-5),
        _measured("kappa", 1.361, 1e-3),
        _measured("Assumption 5, least left / right", 1.1741, 1e-4),
    ),
    quick={"options.directions": 60},
)
ANALYSES = (ANALYSIS, ANALYSIS_BOXES)


def independent(result: Study) -> str | None:
    """Every set of at most rank-many vectors g_k x_k is independent (Assumption 2)."""
    least = float(result.arrays["generic_independence"])
    sizes = np.abs(result.y) * np.linalg.norm(result.X, axis=1)
    if least > INDEPENDENT * float(np.max(sizes)) / len(result.y):
        return None
    return (
        "some points are dependent or have the label 0, "
        "so they are not in general position (Assumption 2)"
    )


def off_the_boundary(result: Study) -> str | None:
    """The user's own points are none of the exceptions of measure zero, such as orthogonal ones."""
    on = float(result.arrays["generic_boundary"]) <= ON
    if not on or result.case.data is None or result.case.data.name != "file":
        return None
    return (
        "some D_u lies on the boundary of its cone, as for orthogonal points: "
        "an exception of measure zero, as the statement holds almost surely (Assumption 2)"
    )


@topic.claim(
    "footnote-4-cones",
    "The open cones are no more than Cover's bound, which is reached in general position.",
    place="footnote 4",
)
def cone_count(result: Study) -> Iterable[Part]:
    """2 sum_{i<d} C(n-1, i) <= 3^n."""
    cells, bound = (float(result.arrays[name]) for name in ("cells", "cover_bound"))
    yield at_most("open cones", cells, bound)
    yield number("cones in all", len(result.arrays["signs"]))
    if independent(result) is None:
        yield at_least("general position", cells, bound)


@topic.claim(
    "lemma-2",
    "No D_u lies on the boundary of its cone or of its negative.",
    place="Lemma 2",
    given=(independent, off_the_boundary),
)
def lemma_2(result: Study) -> Iterable[Part]:
    """Least cosine of such a D_u with a datum off its hyperplane."""
    boundary, singular = (
        float(result.arrays[f"generic_{name}"]) for name in ("boundary", "independence")
    )
    yield at_least("least cosine to the boundary", boundary, ON)
    yield number("least singular value of d vectors g_k x_k", singular)


@topic.claim(
    "lemma-3",
    "There is an extremal vector.",
    place="Lemma 3",
    given=(independent,),
    control=lambda result: altered(result, extremal_kind=np.array([], dtype=str)),
)
def lemma_3(result: Study) -> Iterable[Part]:
    """Their number, by kind."""
    kinds = result.arrays["extremal_kind"].tolist()
    yield at_least("extremal vectors", len(kinds), 1)
    for kind in ("maximum", "minimum", "saddle"):
        yield number(f"of them {kind}", kinds.count(kind))


@topic.claim(
    "theorem-1-saddles",
    "In the plane G has no saddle point.",
    place="Theorem 1, hypothesis",
    given=(independent,),
    control=lambda result: altered(result, extremal_kind=np.array(["maximum", "saddle"])),
)
def saddles(result: Study) -> Iterable[Part]:
    """Their number, without a claim in higher dimension."""
    count = int(np.sum(result.arrays["extremal_kind"] == "saddle"))
    if result.X.shape[1] == 2:
        yield none_of("saddles", count)
    else:
        yield number("saddles of G (Theorem 1 asks for none, Theorem 3 allows them)", count)


def positive_points(result: Study) -> str | None:
    """Assumption 4."""
    return None if float(result.arrays["assumption_4"]) > 0 else "Assumption 4 does not hold"


def relu(result: Study) -> str | None:
    """Slope 0 of the leaky part."""
    if result.case.options["alpha"] == 0:
        return None
    return "the alignment in closed form is for ReLU; set options.alpha=0"


@topic.claim(
    "lemma-4-extremal-vector",
    "Under Assumption 4 the only extremal vector is D*, a maximum.",
    place="Appendix F, proof of Lemma 4",
    given=(positive_points, relu),
)
def single_extremal_vector(result: Study) -> Iterable[Part]:
    """Distance to D* = (1/n) sum y_k x_k; the flat rest of G is the inactive cone."""
    arrays = result.arrays
    D_star = result.y @ result.X / len(result.y)
    gap = min((float(np.linalg.norm(D - D_star)) for D in arrays["extremal_D"]), default=np.inf)
    flat = np.any(arrays["signs"][~np.any(np.abs(arrays["D"]) > 0, axis=1)] > 0, axis=1)
    yield within("extremal vectors", arrays["extremal_cone"].size, 1, 1)
    yield at_most("distance to D*", gap, 1e-12 * float(np.linalg.norm(D_star)))
    yield none_of("maxima that are none", int(np.sum(arrays["extremal_kind"] != "maximum")))
    yield none_of("cones without force that are active on a datum", int(np.sum(flat)))


def turned(W: np.ndarray) -> np.ndarray:
    """Angles (p,) of vectors (p, 2), in degrees from 0 to 360."""
    return np.asarray(angles(W) % 360.0)


def arrangement_panels(result: Study) -> Iterable[Panel]:
    """The cones with their forces; G, and the exact alignment times, over the direction.

    NotDrawable unless the points span the plane.
    """
    arrays, X = result.arrays, result.X
    if X.shape[1] != 2 or int(arrays["rank"]) != 2:
        raise NotDrawable(
            "the cones are drawn for points that span the plane; "
            f"these span {int(arrays['rank'])} of {X.shape[1]} dimensions"
        )
    boundary = np.sort(turned(arrays["inside"][arrays["dimension"] != 2]))
    yield _cone_panel(result, boundary)
    phi = np.linspace(0.0, 360.0, GRID)
    Z = np.column_stack([np.cos(np.radians(phi)), np.sin(np.radians(phi))]) @ X.T
    G = np.where(Z > 0, Z, result.case.options["alpha"] * Z) @ result.y / len(result.y)
    sign, kinds = arrays["extremal_sign"], arrays["extremal_kind"]
    place = turned(sign[:, None] * arrays["extremal_D"])
    value = sign * np.linalg.norm(arrays["extremal_D"], axis=1)
    ascent = [
        Horizontal(0.0, dash="-", width=0.6),
        Line(phi, G, label="$G$"),
        *(
            Points(place[shown], value[shown], marker=marker, size=5, colour=style.THEORY,
                   label=f"{name} of $G$")
            for shown, marker, name in (
                (kinds == "maximum", "^", "maximum"), (kinds != "maximum", "v", "minimum"))
            if shown.any()
        ),
    ]  # fmt: skip
    start = turned(arrays["start"])
    order = np.argsort(start, kind="stable")
    times = [
        Line(start[order], settled[order], colour=colour, dash=dash, width=1.0, label=label)
        for settled, colour, dash, label in zip(
            arrays["settled"].T, (style.POSITIVE, style.NEGATIVE), ("-", "--"),
            ("$a > 0$", "$a < 0$"), strict=True)
        if len(start)
    ]  # fmt: skip
    few = len(boundary) <= 4 * MOST_NAMED
    lines: list[Mark] = [Vertical(boundary, width=0.4)] if few else []
    for marks, title, ylabel in (
        (ascent, r"$G(w) = \langle w, D(w) \rangle$ on the circle", "$G$"),
        (times, r"time until a neuron is aligned, $\lambda \to 0$", "flow time"),
    ):
        yield Panel([*lines, *marks], title=title, xlabel="direction of $w$ (degrees)",
                    ylabel=ylabel, xlim=(0.0, 360.0), xticks=range(0, 361, 60))  # fmt: skip


def _cone_panel(result: Study, boundary: np.ndarray) -> Panel:
    arrays, data = result.arrays, np.radians(turned(result.X))
    cells = arrays["dimension"] == 2
    D, own, opposite = (arrays[name][cells] for name in ("D", "own", "opposite"))
    size = np.linalg.norm(D, axis=1)
    after = np.searchsorted(boundary, turned(arrays["inside"][cells])) % len(boundary)
    sector = np.column_stack([boundary[after - 1], boundary[after]])
    sector = np.radians(sector + [[0.0, 360.0]] * (sector[:, :1] > sector[:, 1:]))
    top = 1.12 * (float(size.max()) or 1.0)
    marks: list[Mark] = []
    for shown, colour, label in (
        ((size > 0) & own & ~opposite, style.POSITIVE, "cone holds its force"),
        ((size > 0) & opposite & ~own, style.NEGATIVE, "cone holds the opposite"),
        (size == 0, style.DEAD, "no force"),
    ):
        marks += [Span(x=(low, high), colour=colour, opacity=0.25, label=label)
                  for low, high in sector[shown]]  # fmt: skip
    rays = np.radians(boundary)
    moving = size > 0
    phi = np.radians(turned(D[moving]))
    tips = np.column_stack([phi, size[moving]])
    if len(size) <= 4 * MOST_NAMED:
        marks.append(Arrows(np.column_stack([phi, 0 * phi]), tips, width=0.8))
    extremal = np.radians(turned(arrays["extremal_sign"][:, None] * arrays["extremal_D"]))
    rim = np.full(len(data), top)
    marks += [
        Line(np.stack([rays, rays]), np.stack([0 * rays, 0 * rays + top]), colour=style.FRAME,
             dash="--", width=0.5),
        Points(*tips.T, marker=".", size=2, label="$D_u$"),
        Points(extremal, np.linalg.norm(arrays["extremal_D"], axis=1), marker="*", size=8,
               colour=style.THEORY, label="critical point of $G$"),
        Points(data, rim, marker="+", size=7, colour=style.DATA, clip=False, label="data"),
    ]  # fmt: skip
    if len(data) <= MOST_NAMED:
        marks.append(Text(data, 1.13 * rim, [f"$x_{k + 1}$" for k in range(len(data))]))
    return Panel(marks, title="cones, forces and extremal vectors", projection="polar",
                 ylim=(0.0, top), xticks=())  # fmt: skip


for _id, _case, _which in (
    ("arrangement", ANALYSIS, "The points of Figure 2, or a user's own"),
    ("arrangement-boxes", ANALYSIS_BOXES, "The points of Figure 1"),
):
    topic.figure(
        _id,
        f"{_which}: activation cones with the force D_u of each and the extremal vectors, the "
        "function G, and the exact time of alignment.",
        layout=("AB;AC", style.PAGE, 3.6),
        on=(_case,),
        share="x",
    )(arrangement_panels)
