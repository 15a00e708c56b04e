"""Points of other laws: the symmetric ones collapse onto one curve after scaling the step, others do not (beyond lee2022, Proposition B.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import Hypothesis, NotApplicable, lower, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.options import require_ranges
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.population import PlanePath, PlaneStart, population_descent
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lee2022.angle_checks import first_below
from flowrepro.papers.lee2022.beyond_cases import OTHER_LAWS
from flowrepro.papers.lee2022.experiments import STEP_SIZES, TEACHER_SCALES
from flowrepro.papers.lee2022.hypotheses import FEW, ref
from flowrepro.papers.lee2022.many_seeds import PAPER_DIMENSION
from flowrepro.papers.lee2022.spherical_data import train_on
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RANGES = {
    "n": (10, 200_000),
    "d": (2, 1_000),
    "depths": (1, 3),
    "coarser": (1.0, 100.0),
    "freedom": (2.1, 1e6),
    "widest": (1.0, 100.0),
}
SYMMETRIC = ("Gaussian", "sphere", "Student", "mixture")
LAWS = (*SYMMETRIC, "uneven")
N_STEPS = 100_000
"""Of the paper's size."""
MIXTURE = (0.5, 2.0)
"""Standard deviations of the mixture's two halves (chosen)."""
SHARE = 3.0
"""Distance from the population allowed to a symmetric law, in units of sqrt(d/n) (chosen; measured 1.6 at most in 12 draws of four laws)."""
LATE, LATER = 0.05, 1.1
"""Angle at which alignment is compared, and how much later than any symmetric law the uneven one must reach it (chosen; measured 1.15 at least in 10 draws)."""


def points(
    law: str, Z: np.ndarray, rng: np.random.Generator, freedom: float, widest: float
) -> tuple[np.ndarray, float]:
    """Points (n, d) of a law from Gaussian ones Z, and E||x||^2 / d.

    Student: multivariate t with ``freedom`` > 2 degrees. uneven: covariance diag(1 .. widest), even steps.
    """
    n, d = Z.shape
    if law == "sphere":
        return Z / np.linalg.norm(Z, axis=1, keepdims=True), 1.0 / d
    if law == "Student":
        return Z * np.sqrt(freedom / rng.chisquare(freedom, n))[:, None], freedom / (freedom - 2)
    if law == "mixture":
        return Z * rng.choice(MIXTURE, n)[:, None], float(np.mean(np.square(MIXTURE)))
    if law == "uneven":
        variances = np.linspace(1.0, widest, d)
        return Z * np.sqrt(variances), float(variances.mean())
    return Z, 1.0


def compute_other_laws(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Norm over v* and angle along one run for each law, with the step divided by E||x||^2 / d.

    depth : (D,). law : (L,) names. step : (T,) of the paper's size. norm, theta : (D, L, T). population_norm, population_theta : (D, T).
    """
    options = study.options
    require_ranges(options, RANGES)
    n, d, coarser, depths = (
        int(options["n"]),
        int(options["d"]),
        float(options["coarser"]),
        [int(depth) for depth in options["depths"]],
    )
    n_steps = round(N_STEPS / coarser)
    rng = np.random.default_rng(study.seed)
    Z, z_teacher, z_student = (
        rng.standard_normal((n, d)),
        rng.standard_normal(d),
        rng.standard_normal(d),
    )
    clouds = [
        points(law, Z, rng, float(options["freedom"]), float(options["widest"])) for law in LAWS
    ]
    widen = np.sqrt(PAPER_DIMENSION / d)
    paths: list[list[PlanePath]] = [[] for _ in depths]
    starts = [
        (
            depth,
            widen * TEACHER_SCALES[depth] * z_teacher,
            widen * TEACHER_SCALES[depth] * z_student,
        )
        for depth in depths
    ]
    for i, (X, spread) in enumerate(clouds):
        for k, (depth, teacher, w0) in enumerate(starts):
            paths[k] += train_on(
                X, w0, teacher, [(depth, coarser * STEP_SIZES[depth] / spread)], n_steps
            )
        progress(i + 1, len(clouds))
    grid = np.unique(np.linspace(0, n_steps, len(paths[0][0].t)).round().astype(np.int64))
    population = [
        population_descent(PlaneStart.of(w0, teacher, depth), coarser * STEP_SIZES[depth], grid)
        for depth, teacher, w0 in starts
    ]
    norms = np.array([np.linalg.norm(teacher) for _, teacher, _ in starts])
    return {
        "depth": np.array(depths), "law": np.array(LAWS), "step": coarser * grid,
        "norm": np.array([[path.norm for path in found] for found in paths]) / norms[:, None, None],
        "theta": np.array([[path.theta for path in found] for found in paths]),
        "population_norm": np.array([path.norm for path in population]) / norms[:, None],
        "population_theta": np.array([path.theta for path in population]),
    }  # fmt: skip


def distances(findings: Study, quantity: str) -> np.ndarray:
    """sup over the run of the distance from the population, (D, L); quantity is norm or theta."""
    arrays = findings.arrays
    return np.asarray(
        np.abs(arrays[quantity] - arrays[f"population_{quantity}"][:, None]).max(axis=2)
    )


def enough_samples(findings: Study) -> str | None:
    """n / d as large as the population asks for, and moments that the sample can estimate."""
    options = findings.case.options
    if options["n"] < 5 * FEW * options["d"]:
        return f"n / d = {options['n'] / options['d']:.3g} is too small to tell a law from chance"
    return (
        None
        if options["freedom"] > 4
        else "the sampled second moments of a Student law need more than four degrees of freedom to settle"
    )


GIVEN: tuple[Hypothesis, ...] = (as_declared(OTHER_LAWS, ("seed", "options")), enough_samples)  # type: ignore[assignment]


@statement(
    "beyond-symmetric-laws",
    ref("Proposition B.1, beyond the paper"),
    "theory",
    ("other-laws",),
    "spherically symmetric points give one dynamics after dividing the step by E||x||^2 / d",
    GIVEN,
)
def symmetric_collapse(findings: Study) -> list[Judgement]:
    """measured: sup |theta - theta_pop| and sup |v - v_pop| / v* of every symmetric law, in units of sqrt(d/n)."""
    options, parts = findings.case.options, []
    for name in ("theta", "norm"):
        found = distances(findings, name) / np.sqrt(options["d"] / options["n"])
        parts += [
            upper(f"{law}: {name} (finite-sample tolerance)", found[:, i].max(), SHARE)
            for i, law in enumerate(SYMMETRIC)
        ]
    return parts


@statement(
    "beyond-uneven-law",
    ref("Proposition B.1, beyond the paper"),
    "theory",
    ("other-laws",),
    "points of uneven covariance align later, so the symmetry is needed",
    GIVEN,
)
def uneven_differs(findings: Study) -> list[Judgement]:
    """measured: first step with theta < 0.05 of the uneven law over the last one of the symmetric laws, for each depth."""
    options, arrays = findings.case.options, findings.arrays
    if options["widest"] < 2:
        raise NotApplicable(f"the covariance diag(1 .. {options['widest']:g}) is nearly even")
    parts = []
    for depth, paths in zip(arrays["depth"], arrays["theta"], strict=True):
        *symmetric, uneven = (first_below(theta, arrays["step"], LATE) for theta in paths)
        if max(symmetric) == np.inf:
            raise NotApplicable(
                f"the symmetric laws do not all reach theta < {LATE:g} with {depth} layers; the run is too short for this draw"
            )
        parts.append(
            lower(f"{depth} layers: uneven / last symmetric", uneven / max(symmetric), LATER)
        )
    return parts


CLAIMS = (symmetric_collapse, uneven_differs)


# ---- figure


class LawPanel(NamedTuple):
    """One depth: norm / v* and theta by law, (L, T), and of the population, (T,)."""

    layers: int
    norm: np.ndarray
    theta: np.ndarray
    population_norm: np.ndarray
    population_theta: np.ndarray


class Laws(NamedTuple):
    """Names, steps (T,), panels."""

    laws: tuple[str, ...]
    step: np.ndarray
    panels: tuple[LawPanel, ...]


def collect_laws(findings: Study) -> Laws:
    """The first two depths of the study."""
    arrays = findings.arrays
    keys = ("norm", "theta", "population_norm", "population_theta")
    panels = [
        LawPanel(int(depth), *(arrays[key][k] for key in keys))
        for k, depth in enumerate(arrays["depth"][:2])
    ]
    return Laws(tuple(map(str, arrays["law"])), arrays["step"], tuple(panels))


def draw_laws(axes: Sequence[Axes], data: Laws) -> None:
    """For each depth the angle and the norm over the steps; symmetric laws in one colour, the uneven one in another."""
    dashes = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), "-")
    x = data.step / 1000
    for k, panel in enumerate(data.panels):
        for ax, values, population in (
            (axes[2 * k], panel.theta, panel.population_theta),
            (axes[2 * k + 1], panel.norm, panel.population_norm),
        ):
            ax.plot(
                x,
                population,
                color=style.THEORY,
                linewidth=3.5,
                alpha=0.35,
                label="symmetric population",
            )
            for law, curve, dash in zip(data.laws, values, dashes, strict=True):
                ax.plot(
                    x,
                    curve,
                    color=style.LEARNED if law in SYMMETRIC else style.NEGATIVE,
                    linestyle=dash,
                    linewidth=1.1,
                    label=law,
                )
            ax.set(xlabel="scaled step / 1000", xlim=(0, x[-1] * (0.5 if panel.layers == 1 else 1)))
            ax.spines["right"].set_visible(False)
        axes[2 * k].set(
            yscale="log",
            ylabel=r"$\theta$ [rad]",
            ylim=(1e-3, 3),
            title=f"({'ac'[k]}) {panel.layers} layer{'s' if panel.layers > 1 else ''}: angle",
        )
        axes[2 * k + 1].set(ylabel=r"$\|w\|/v^*$", title=f"({'bd'[k]}) norm")
    legend_below(axes)


FIGURES = (
    Figure(
        id="beyond-other-laws",
        file="beyond-other-laws",
        cases=("other-laws",),
        caption="One neuron on points of other laws, the step scaled by d / E||x||^2: symmetric laws collapse, an uneven covariance does not.",
        layout=(2, 2, style.PAGE, 4.2),
        collect=collect_laws,
        draw=draw_laws,
    ),
)
