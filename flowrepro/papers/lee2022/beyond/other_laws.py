"""Points of other laws than the Gaussian and the sphere (beyond lee2022, Proposition B.1).

After scaling the step by d / E||x||^2 the symmetric ones collapse onto one curve, others do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Part, at_least, at_most
from flowrepro.core.trajectory import Study
from flowrepro.engines.population import PlaneStart, population_descent
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Panel
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.beyond.many_seeds import PAPER_DIMENSION
from flowrepro.papers.lee2022.hypotheses import FEW, draws_its_points
from flowrepro.papers.lee2022.neuron import first_below
from flowrepro.papers.lee2022.section_5_runs import (
    N_STEPS,
    STEP_SIZES,
    TEACHER_SCALES,
    counted,
    train_on,
)
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Points of other laws", given=(draws_its_points,))

SYMMETRIC = ("Gaussian", "sphere", "Student", "mixture")
LAWS = (*SYMMETRIC, "uneven")
MIXTURE = (0.5, 2.0)
"""Standard deviations of the mixture's two halves (chosen)."""
SHARE = 3.0
"""Distance from the population allowed to a symmetric law, in units of sqrt(d/n) (chosen; measured
1.6 at most in 12 draws of four laws)."""
LATE, LATER = 0.05, 1.1
"""Angle at which alignment is compared, and how much later than any symmetric law the uneven one
must reach it (chosen; measured 1.15 at least in 10 draws)."""


def points(
    law: str, Z: np.ndarray, rng: np.random.Generator, freedom: float, widest: float
) -> tuple[np.ndarray, float]:
    """Points (n, d) of a law from Gaussian ones Z, and E||x||^2 / d.

    Student: multivariate t with ``freedom`` > 2 degrees. uneven: covariance diag(1 .. widest), even
    steps.
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


@topic.study
def other_laws(
    *,
    n: int = option(20_000, "points", within=(10, 200_000)),
    d: int = option(20, "dimension", within=(2, 1_000)),
    depths: list[int] = option([1, 2], "numbers of layers", within=(1, 3)),
    coarser: float = option(25.0, "size of a step over the paper's", within=(1.0, 100.0)),
    freedom: float = option(8.0, "degrees of freedom of the Student law", within=(2.1, 1e6)),
    widest: float = option(4.0, "largest variance of the uneven law", within=(1.0, 100.0)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Norm over v* and angle along one run for each law, with the step divided by E||x||^2 / d.

    depth : (D,). law : (L,) names. step : (T,) of the paper's size. norm, theta : (D, L, T).
    population_norm, population_theta : (D, T).
    """
    n_steps = round(N_STEPS / coarser)
    rng = np.random.default_rng(seed)
    Z, z_teacher, z_student = (rng.standard_normal(shape) for shape in ((n, d), d, d))
    clouds = [points(law, Z, rng, freedom, widest) for law in LAWS]
    grid = np.unique(np.linspace(0, n_steps, 501).round().astype(np.int64))
    norm, theta = np.empty((2, len(depths), len(LAWS), len(grid)))
    population = np.empty((2, len(depths), len(grid)))
    for k, depth in enumerate(depths):
        scale, lr = (
            np.sqrt(PAPER_DIMENSION / d) * TEACHER_SCALES[depth],
            coarser * STEP_SIZES[depth],
        )
        teacher, w0 = scale * z_teacher, scale * z_student
        goal = np.linalg.norm(teacher)
        for i, (X, spread) in enumerate(clouds):
            (path,) = train_on(X, w0, teacher, [(depth, lr / spread)], n_steps)
            norm[k, i], theta[k, i] = path.norm / goal, path.theta
            progress(k * len(clouds) + i + 1, len(depths) * len(clouds))
        path = population_descent(PlaneStart.of(w0, teacher, depth), lr, grid)
        population[:, k] = path.norm / goal, path.theta
    cases = {"depth": np.array(depths), "law": np.array(LAWS), "step": coarser * grid}
    expected = {"population_norm": population[0], "population_theta": population[1]}
    return {**cases, "norm": norm, "theta": theta, **expected}


OTHER_LAWS = other_laws.case(
    "other-laws",
    "beyond Proposition B.1: points of other laws, symmetric and not, with the step scaled by "
    "d / E||x||^2",
    quick={"n": 5_000},
)


def enough_samples(study: Study) -> str | None:
    """n / d as large as the population asks for, and moments that the sample can estimate."""
    options = study.case.options
    if options["n"] < 5 * FEW * options["d"]:
        return f"n / d = {options['n'] / options['d']:.3g} is too small to tell a law from chance"
    if options["freedom"] > 4:
        return None
    return (
        "the sampled second moments of a Student law need more than four degrees of freedom to "
        "settle"
    )


@topic.claim(
    "beyond-symmetric-laws",
    "Spherically symmetric points of all laws give one dynamics after dividing the step by "
    "E||x||^2 / d.",
    place="Proposition B.1, beyond the paper",
    given=(enough_samples,),
)
def symmetric_collapse(study: Study) -> Iterator[Part]:
    """sup |theta - theta_pop| and sup |v - v_pop| / v*, in units of sqrt(d/n)."""
    arrays, options = study.arrays, study.case.options
    for name in ("theta", "norm"):
        away = np.abs(arrays[name] - arrays[f"population_{name}"][:, None]).max(axis=2)
        found = away / np.sqrt(options["d"] / options["n"])
        for i, law in enumerate(SYMMETRIC):
            yield at_most(f"{law}: {name} (finite-sample tolerance)", found[:, i].max(), SHARE)


@topic.claim(
    "beyond-uneven-law",
    "Points of uneven covariance align later, so the symmetry is needed.",
    place="Proposition B.1, beyond the paper",
    given=(enough_samples,),
)
def uneven_differs(study: Study) -> Iterator[Part]:
    """First step with theta < 0.05 of the uneven law over the last one of the others."""
    arrays, widest = study.arrays, study.case.options["widest"]
    if widest < 2:
        raise NotApplicable(f"the covariance diag(1 .. {widest:g}) is nearly even")
    for depth, paths in zip(arrays["depth"], arrays["theta"], strict=True):
        *symmetric, uneven = (first_below(theta, arrays["step"], LATE) for theta in paths)
        if max(symmetric) == np.inf:
            raise NotApplicable(
                f"the symmetric laws do not all reach theta < {LATE:g} with {depth} layers; the "
                "run is too short for this draw"
            )
        yield at_least(f"{depth} layers: uneven / last symmetric", uneven / max(symmetric), LATER)


@topic.figure(
    "beyond-other-laws",
    "One neuron on points of other laws, the step scaled by d / E||x||^2: symmetric laws collapse "
    "onto the curve of their population, one with an uneven covariance does not.",
    layout=(2, 2, style.PAGE, 4.2),
)
def angle_and_norm(study: Study) -> Iterable[Panel]:
    """Angle and norm for two depths; symmetric laws in one colour, the uneven one in another."""
    arrays = study.arrays
    x = arrays["step"] / 1000
    looks = {
        "theta": ("angle", r"$\theta$ [rad]", "linear-log", (1e-3, 3)),
        "norm": ("norm", r"$\|w\|/v^*$", "linear-linear", None),
    }
    for k, depth in enumerate(arrays["depth"][:2]):
        for name, (what, quantity, scale, limits) in looks.items():
            marks = [Line(x, arrays[f"population_{name}"][k], colour=style.THEORY, width=3.5,
                          opacity=0.35, label="symmetric population")]  # fmt: skip
            dashes = (*style.DASHES[:4], "-")
            for law, curve, dash in zip(arrays["law"], arrays[name][k], dashes, strict=True):
                colour = style.LEARNED if law in SYMMETRIC else style.NEGATIVE
                marks.append(Line(x, curve, colour=colour, dash=dash, width=1.1, label=str(law)))
            yield Panel(marks, title=f"{counted(depth)}: {what}", xlabel="scaled step / 1000",
                        ylabel=quantity, scale=scale, ylim=limits,
                        xlim=(0, x[-1] * (0.5 if depth == 1 else 1)))  # fmt: skip
