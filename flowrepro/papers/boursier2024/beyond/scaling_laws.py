r"""How the phases of training on the points of Figure 2 scale with lambda, down to 10^-1000.

tau_2 is when sum_I a^2 = eps2, tau_3 when ||beta* - sum_I a w|| = eps3, I being the neurons with
a > 0 that start active somewhere. Theory (Lemmas 4 to 6): tau_2 = ln(1/lambda) / ||D*|| + const;
tau_3 - tau_2 does not depend on lambda; at tau_2 the directions of I differ by
O(lambda^(1 - eps)) in 1 - cos (Lemma 5), where the linear growth of ||w|| makes it lambda^2.

Neurons are the nodes of the balanced law, so that only lambda differs between runs. The engine flow
takes over where steps would be too many and weights below the smallest double.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_most, number, within
from flowrepro.core.config import Data
from flowrepro.core.initialize import initial_weights
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.flow.flow import integrate
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Panel, Points
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.hypotheses import declared, spurious
from flowrepro.papers.boursier2024.neurons import least_squares
from flowrepro.papers.boursier2024.section_4_phase_2 import crossing, length_bound
from flowrepro.papers.boursier2024.training import law, problem_of, train
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

topic = Topic(PAPER, "Scaling laws of the phases")
LAW = "balanced-quadrature"
GRID = 0.1
"""Flow time between two looks at the neurons; what is sought lies between by interpolation."""
BEFORE, AFTER = 5.0, 25.0
"""Flow time kept around the estimated tau_2; tau_3 comes 11 later on the points of Figure 2
(measured)."""
RESOLVED = -10.0
"""log10 of the smallest scale at which the spread of the directions, of order lambda, stands above
rounding."""


class Phases(NamedTuple):
    """tau_2, tau_3 and 1 - min cos over I at tau_2; nan for what is not reached."""

    tau_2: float
    tau_3: float
    misalignment: float


@topic.study
def scaling(
    data: Dataset,
    *,
    m: int = option(400, "nodes of descent, even", within=(2, 100_000)),
    log10_scales: list[float] = option(
        [-2.0, -3.0, -4.0, -6.0, -8.0, -10.0, -13.0, -16.0, -20.0],
        "log10 lambda of descent",
        within=(-150.0, 0.0),
    ),
    lr: float = option(1e-3, "step of descent", within=(1e-4, 0.1)),
    log10_scales_flow: list[float] = option(
        [-3.0, -10.0, -30.0, -100.0, -300.0, -1000.0],
        "log10 lambda of the flow",
        within=(-1e5, 0.0),
    ),
    m_flow: int = option(24, "nodes of the flow, even", within=(2, 1000)),
    eps2: float = option(0.01, "sum of a^2 at tau_2", within=(1e-10, 10.0)),
    eps3: float = option(0.1, "distance from least squares at tau_3", within=(1e-10, 10.0)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """The fields of `Phases` for every scale, by descent and (flow_...) by the flow; D_norm."""
    X, y, dt = data.X, data.y, 2.0 * lr
    D = float(np.linalg.norm(y @ X / len(y)))
    work = len(log10_scales) + len(log10_scales_flow)

    def looks(power: float, least: float) -> np.ndarray:
        """Flow times around the estimate ln(1/lambda) / ||D*||."""
        tau = float(-power * np.log(10.0) / D)
        return np.arange(max(least, tau - BEFORE), tau + AFTER, GRID)

    descents, flows = [], []
    for power in log10_scales:
        kept = tuple(int(step) for step in looks(power, 0.0) / dt)
        problem = problem_of(X, y, law(LAW, m, 10.0**power), seed, lr, kept[-1])
        run = train(problem, snapshots=kept)
        descents.append(phases(X, y, dt * run.snapshot_step, run.W, run.a, eps2, eps3))
        progress(len(descents), work)
    W, a = initial_weights(law(LAW, m_flow, 1.0), seed, X.shape[1])
    for power in log10_scales_flow:
        times = np.concatenate([[0.0], looks(power, GRID)])
        flow = integrate(X, y, W, a, HALF_MEAN_SQUARE, times, ln_scale=power * np.log(10.0))
        # The first state gives the directions at the start; the scaled weights underflow.
        states = [(W, a), *(flow.weights(i) for i in range(1, len(flow.t)))]
        Ws, outputs = (np.stack(parts) for parts in zip(*states, strict=True))
        flows.append(phases(X, y, flow.t, Ws, outputs, eps2, eps3))
        progress(len(descents) + len(flows), work)
    columns = {"D_norm": np.array(D)}
    for prefix, found in (("", descents), ("flow_", flows)):
        for name, column in zip(Phases._fields, zip(*found, strict=True), strict=True):
            columns[prefix + name] = np.array(column)
    return columns


def phases(
    X: np.ndarray, y: np.ndarray, t: np.ndarray, W: np.ndarray, a: np.ndarray,
    eps2: float, eps3: float,
) -> Phases:  # fmt: skip
    """Read off snapshots W (S, m, d), a (S, m) at times t (S,), of which the first is the start."""
    growing = (a[0] > 0) & np.any(W[0] @ X.T > 0, axis=1)
    W, a, t = W[1:, growing], a[1:, growing], t[1:]
    mass = np.sum(a**2, axis=1)
    gap = np.linalg.norm(least_squares(X, y) - np.einsum("sm,smd->sd", a, W), axis=1)
    tau_2 = first_crossing(t, np.log(mass), np.log(eps2))
    tau_3 = first_crossing(t, -np.log(gap), -np.log(eps3))
    reached = np.isfinite(tau_2)
    return Phases(
        tau_2, tau_3, misalignment(W[int(np.argmin(np.abs(t - tau_2)))]) if reached else np.nan
    )


def first_crossing(t: np.ndarray, values: np.ndarray, level: float) -> float:
    """First time at which values (S,) reach a level; nan if never or from the start."""
    above = np.flatnonzero(values >= level)
    if above.size == 0 or above[0] == 0:
        return float("nan")
    return crossing(t, values, int(above[0]), level)


def misalignment(W: np.ndarray) -> float:
    """1 - min cos(w_i, w_j) of vectors (p, 2), from angles to their mean so that 1e-30 is seen."""
    mean = W.sum(axis=0)
    angles = np.arctan2(W[:, 0] * mean[1] - W[:, 1] * mean[0], W @ mean)
    return float(2.0 * np.sin(np.ptp(angles) / 2.0) ** 2)


SCALING = scaling.case(
    "scaling",
    "Beyond the paper: how the phases scale with lambda, down to 10^-1000.",
    Data(name="three-points"),
    quick={
        "options.log10_scales": [-3.0, -4.0, -6.0],
        "options.log10_scales_flow": [-10.0, -100.0],
    },
)


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    if len(x) < 2:
        require("a slope needs two scales in its range")
    return float(np.polyfit(x, y, 1)[0])


def _powers(result: Study, option: str = "log10_scales") -> np.ndarray:
    return np.asarray(result.case.options[option], dtype=np.float64)


def lengths(result: Study) -> np.ndarray:
    """tau_3 - tau_2 of all runs, descent first."""
    pairs = ((result.arrays[f"{by}tau_3"], result.arrays[f"{by}tau_2"]) for by in ("", "flow_"))
    return np.concatenate([tau_3 - tau_2 for tau_3, tau_2 in pairs])


def reached(result: Study) -> str | None:
    """Every run came to tau_3."""
    if np.all(np.isfinite(lengths(result))):
        return None
    return "a run does not reach tau_3 within the time kept after the estimate of tau_2"


@topic.claim(
    "lemma-5-tau-2",
    "The time tau_2 grows by ln(1/lambda) / ||D*||.",
    place="Lemma 5",
    given=(spurious, reached),
)
def tau_2_law(result: Study) -> Iterable[Part]:
    """Slopes over ln(1/lambda); that of descent is dt / ln(1 + dt ||D*||), its exact growth."""
    arrays, dt = result.arrays, 2.0 * result.case.options["lr"]
    D = float(arrays["D_norm"])
    exact = dt / np.log1p(dt * D)
    small, far = _powers(result) <= -3.0, _powers(result, "log10_scales_flow")
    descent = _slope(-_powers(result)[small] * np.log(10.0), arrays["tau_2"][small])
    flow = _slope(-far * np.log(10.0), arrays["flow_tau_2"])
    yield at_most("descent, relative error of the slope", abs(descent / exact - 1.0), 1e-5)
    yield at_most("flow, relative error of the slope", abs(flow * D - 1.0), 1e-5)
    yield number("slope of descent", descent)
    yield number("its closed form", exact)
    yield number("slope of the flow", flow)
    yield number("1 / ||D*||", 1.0 / D)


@topic.claim(
    "lemma-5-misalignment",
    "At tau_2 the neurons of I agree up to lambda^2.",
    place="Lemma 5, item 3",
    given=(spurious, reached),
)
def misalignment_law(result: Study) -> Iterable[Part]:
    """Exponent of 1 - min cos over scales from 1e-10 to 1e-4."""
    powers = _powers(result)
    fitted = (powers >= RESOLVED) & (powers <= -4.0)
    exponent = _slope(powers[fitted], np.log10(result.arrays["misalignment"][fitted]))
    yield within("exponent (proven: at least 1 - eps)", exponent, 1.95, 2.05)


@topic.claim(
    "lemma-6-length",
    "The length tau_3 - tau_2 does not depend on lambda, and obeys eq 48.",
    place="Lemma 6",
    given=(spurious, reached),
)
def phase_2b_length(result: Study) -> Iterable[Part]:
    """Largest length, and spread over all scales, descent and flow."""
    options, length = result.case.options, lengths(result)
    bound = length_bound(result.X, result.y, options["eps2"], options["eps3"])
    yield at_most("largest length", length.max(), bound)
    yield at_most("spread over the scales", np.ptp(length), 0.04)


@topic.claim(
    "lemma-6-measured",
    "The length tau_3 - tau_2 is 11.02 on the points of Figure 2.",
    place="Lemma 6",
    kind="reproduction",
    given=(declared(SCALING),),
)
def phase_2b_measured(result: Study) -> Iterable[Part]:
    """Median over the scales of descent."""
    length = result.arrays["tau_3"] - result.arrays["tau_2"]
    yield within("tau_3 - tau_2", np.median(length), 10.98, 11.06)


@topic.figure(
    "scaling-laws",
    "Three points: end of the alignment and growth phases, and spread of the aligned neurons, over "
    "scales down to 10^-1000.",
    layout=(1, 3, style.PAGE, 2.6),
)
def laws(result: Study) -> Iterable[Panel]:
    """Phases by descent, phases by the flow, misalignment where it is resolved."""
    arrays, power = result.arrays, _powers(result)
    axis = r"$\log_{10} (1/\lambda)$"
    for title, by, x in (
        ("descent", "", power),
        ("the flow itself", "flow_", _powers(result, "log10_scales_flow")),
    ):
        tau_2 = arrays[f"{by}tau_2"]
        line = tau_2[-1] + (x[-1] - x) * np.log(10.0) / float(arrays["D_norm"])
        marks = [
            Line(-x, line, colour=style.THEORY, dash="--", width=1.0,
                 label=r"slope $\ln 10 / \|D^*\|$"),
            Points(-x, tau_2, label=r"$\tau_2$"),
            Points(-x, arrays[f"{by}tau_3"], marker="s", fill="none", colour=style.POSITIVE,
                   label=r"$\tau_3$"),
        ]  # fmt: skip
        yield Panel(marks, title=title, xlabel=axis, ylabel="flow time")
    shown = (power >= RESOLVED) & np.isfinite(arrays["misalignment"])
    x, spread = -power[shown], np.log10(arrays["misalignment"][shown])
    square = spread[-1] - 2 * (x - x[-1])
    marks = [
        Points(x, spread),
        Line(x, square, colour=style.THEORY, dash=":", width=1.0, label=r"$\lambda^2$"),
    ]
    yield Panel(marks, title="spread of the neurons", xlabel=axis,
                ylabel=r"$\log_{10} (1 - \min \cos)$ at $\tau_2$")  # fmt: skip
