r"""How the phases of training on the points of Figure 2 scale with lambda, down to 10^-1000 (boursier2024, Lemmas 4 to 6).

tau_2 is when sum_I a^2 = eps2, tau_3 when ||beta* - sum_I a w|| = eps3, I being the neurons with a > 0 that start active
somewhere. Theory: tau_2 = ln(1/lambda) / ||D*|| + const; tau_3 - tau_2 does not depend on lambda; at tau_2 the directions
of I differ by O(lambda^(1 - eps)) in 1 - cos (Lemma 5), where the linear growth of ||w|| makes it lambda^2.

Neurons are the nodes of the balanced law (infinite width up to their number), so that only lambda differs between runs.
The study's options: m, log10_scales (descent), lr, log10_scales_flow and m_flow (engine flow, where steps would be too
many and weights below the smallest double), eps2, eps3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import number, statement, upper, window
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.config import Init, StudyCase
from flowrepro.core.initialize import initial_weights
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.flow.flow import integrate
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.boursier2024.hypotheses import ref
from flowrepro.papers.boursier2024.least_squares import least_squares
from flowrepro.papers.boursier2024.study_hypotheses import declared, spurious
from flowrepro.papers.boursier2024.training import problem_of, train
from flowrepro.papers.topic import Progress
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LAW = "balanced-quadrature"
GRID = 0.1
"""Flow time between two looks at the neurons; what is sought lies between by interpolation."""
AFTER = 25.0
"""Flow time kept after the estimated tau_2; tau_3 comes 11 later on the points of Figure 2 (measured)."""
RESOLVED = -10.0
"""log10 of the smallest scale at which the spread of the directions, of order lambda, stands above rounding."""


class Phases(NamedTuple):
    """tau_2, tau_3 and 1 - min cos over I at tau_2."""

    tau_2: float
    tau_3: float
    misalignment: float


def scale_phases(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Phases for every scale, by descent and by the flow."""
    assert dataset is not None
    X, y, options = dataset.X, dataset.y, case.options
    D = float(np.linalg.norm(y @ X / len(y)))
    work = len(options["log10_scales"]) + len(options["log10_scales_flow"])
    descents, flows = [], []
    for power in options["log10_scales"]:
        descents.append(_by_descent(X, y, case, power, _estimate(power, D)))
        progress(len(descents), work)
    for power in options["log10_scales_flow"]:
        flows.append(_by_flow(X, y, case, power, _estimate(power, D)))
        progress(len(descents) + len(flows), work)
    return {
        "D_norm": np.array(D),
        **{name: np.array([getattr(phase, name) for phase in descents]) for name in Phases._fields},
        **{
            f"flow_{name}": np.array([getattr(phase, name) for phase in flows])
            for name in Phases._fields
        },
    }


def _estimate(power: float, D: float) -> float:
    return float(-power * np.log(10.0) / D)


def _by_descent(X: np.ndarray, y: np.ndarray, case: StudyCase, power: float, tau: float) -> Phases:
    options = case.options
    dt = 2.0 * options["lr"]
    kept = tuple(int(step) for step in np.arange(max(0.0, tau - 5.0), tau + AFTER, GRID) / dt)
    problem = problem_of(
        X,
        y,
        Init(name=LAW, m=options["m"], scale=10.0**power, divide_by="sqrt(m)"),
        case.seed,
        options["lr"],
        kept[-1],
    )
    run = train(problem, snapshots=kept)
    return phases(X, y, dt * run.snapshot_step, run.W, run.a, case)


def _by_flow(X: np.ndarray, y: np.ndarray, case: StudyCase, power: float, tau: float) -> Phases:
    W, a = initial_weights(
        Init(name=LAW, m=case.options["m_flow"], scale=1.0, divide_by="sqrt(m)"),
        case.seed,
        X.shape[1],
    )
    times = np.concatenate([[0.0], np.arange(max(GRID, tau - 5.0), tau + AFTER, GRID)])
    flow = integrate(X, y, W, a, HALF_MEAN_SQUARE, times, ln_scale=power * np.log(10.0))
    states = [flow.weights(i) for i in range(len(flow.t))]
    first = (W, a)  # directions at the start; the scaled weights underflow
    return phases(
        X,
        y,
        flow.t,
        np.stack([first[0], *(state[0] for state in states[1:])]),
        np.stack([first[1], *(state[1] for state in states[1:])]),
        case,
    )


def phases(
    X: np.ndarray, y: np.ndarray, t: np.ndarray, W: np.ndarray, a: np.ndarray, case: StudyCase
) -> Phases:
    """Read off snapshots W (S, m, d), a (S, m) at times t (S,), of which the first is the start; nan for what is not reached."""
    growing = (a[0] > 0) & np.any(W[0] @ X.T > 0, axis=1)
    W, a, t = W[1:, growing], a[1:, growing], t[1:]
    mass = np.sum(a**2, axis=1)
    gap = np.linalg.norm(least_squares(X, y) - np.einsum("sm,smd->sd", a, W), axis=1)
    tau_2 = first_crossing(t, np.log(mass), np.log(case.options["eps2"]))
    tau_3 = first_crossing(t, -np.log(gap), -np.log(case.options["eps3"]))
    return Phases(
        tau_2,
        tau_3,
        misalignment(W[int(np.argmin(np.abs(t - tau_2)))]) if np.isfinite(tau_2) else np.nan,
    )


def first_crossing(t: np.ndarray, values: np.ndarray, level: float) -> float:
    """First time at which values (S,) reach a level, linear between samples; nan if never or from the start."""
    above = np.flatnonzero(values >= level)
    if above.size == 0 or above[0] == 0:
        return float("nan")
    i = int(above[0])
    return float(
        t[i - 1] + (t[i] - t[i - 1]) * (level - values[i - 1]) / (values[i] - values[i - 1])
    )


def misalignment(W: np.ndarray) -> float:
    """1 - min cos(w_i, w_j) of vectors (p, 2) in the plane, from their angles to their mean so that 1e-30 is resolved."""
    mean = W.sum(axis=0)
    angles = np.arctan2(W[:, 0] * mean[1] - W[:, 1] * mean[0], W @ mean)
    return float(2.0 * np.sin(np.ptp(angles) / 2.0) ** 2)


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.polyfit(x, y, 1)[0])


def _powers(findings: Study, option: str = "log10_scales") -> np.ndarray:
    return np.asarray(findings.case.options[option], dtype=np.float64)


def reached(findings: Study) -> str | None:
    """Every run came to tau_3."""
    times = np.concatenate(
        [findings.arrays[name] for name in ("tau_2", "tau_3", "flow_tau_2", "flow_tau_3")]
    )
    return (
        None
        if np.all(np.isfinite(times))
        else "a run does not reach tau_3 within the time kept after the estimate of tau_2"
    )


@statement(
    "tau-2-law",
    ref("Lemma 5"),
    "theory",
    ("scaling",),
    "tau_2 grows by ln(1/lambda) / ||D*||",
    given=(spurious, reached),
)
def tau_2_law(findings: Study) -> Sequence[Judgement]:
    """Slope over ln(1/lambda), of descent against ln(1 + dt ||D*||) / dt, the exact growth of descent, and of the flow."""
    arrays, dt = findings.arrays, 2.0 * findings.case.options["lr"]
    D = float(arrays["D_norm"])
    descent = dt / np.log1p(dt * D)
    small, far = _powers(findings) <= -3.0, _powers(findings, "log10_scales_flow")
    measured = _slope(-_powers(findings)[small] * np.log(10.0), arrays["tau_2"][small])
    flow = _slope(-far * np.log(10.0), arrays["flow_tau_2"])
    return [
        upper("descent, relative error of the slope", abs(measured / descent - 1.0), 1e-5),
        upper("flow, relative error of the slope", abs(flow * D - 1.0), 1e-5),
        number("slope of descent", measured),
        number("its closed form", descent),
        number("slope of the flow", flow),
        number("1 / ||D*||", 1.0 / D),
    ]


@statement(
    "misalignment-law",
    ref("Lemma 5, item 3"),
    "theory",
    ("scaling",),
    "at tau_2 neurons of I agree up to lambda^2",
    given=(spurious, reached),
)
def misalignment_law(findings: Study) -> Sequence[Judgement]:
    """Exponent of 1 - min cos over scales from 1e-10 to 1e-4."""
    powers = _powers(findings)
    fitted = (powers >= RESOLVED) & (powers <= -4.0)
    exponent = _slope(powers[fitted], np.log10(findings.arrays["misalignment"][fitted]))
    return [window("exponent (proven: at least 1 - eps)", exponent, 1.95, 2.05)]


@statement(
    "phase-2b-length",
    ref("Lemma 6"),
    "theory",
    ("scaling",),
    "tau_3 - tau_2 does not depend on lambda, and obeys eq 48",
    given=(spurious, reached),
)
def phase_2b_length(findings: Study) -> Sequence[Judgement]:
    """Spread over all scales, descent and flow, against the size of the bound ln(kappa ||beta*|| / eps3) / (sigma_min eps2)."""
    arrays, options = findings.arrays, findings.case.options
    length = np.concatenate(
        [arrays["tau_3"] - arrays["tau_2"], arrays["flow_tau_3"] - arrays["flow_tau_2"]]
    )
    low, *_, high = np.linalg.eigvalsh(findings.X.T @ findings.X / len(findings.y))
    start = np.sqrt(high / low) * np.linalg.norm(least_squares(findings.X, findings.y))
    return [
        upper(
            "largest length",
            float(length.max()),
            float(np.log(start / options["eps3"]) / (low * options["eps2"])),
        ),
        upper("spread over the scales", float(np.ptp(length)), 0.04),
    ]


@statement(
    "phase-2b-measured",
    ref("Lemma 6"),
    "reproduction",
    ("scaling",),
    "tau_3 - tau_2 is 11.02 on the points of Figure 2",
    given=(declared,),
)
def phase_2b_measured(findings: Study) -> Sequence[Judgement]:
    """Median over the scales."""
    return [
        window(
            "tau_3 - tau_2",
            float(np.median(findings.arrays["tau_3"] - findings.arrays["tau_2"])),
            10.98,
            11.06,
        )
    ]


class Laws(NamedTuple):
    """log10 of the scales of descent and flow; tau_2 and tau_3 of each, their slope over ln(1/lambda); misalignment where it is resolved."""

    power: np.ndarray
    tau_2: np.ndarray
    tau_3: np.ndarray
    far_power: np.ndarray
    far_tau_2: np.ndarray
    far_tau_3: np.ndarray
    D_norm: float
    misalignment: np.ndarray


def collect_laws(findings: Study) -> Laws:
    """Phases over the scale."""
    arrays, power = findings.arrays, _powers(findings)
    resolved = np.where(power >= RESOLVED, arrays["misalignment"], np.nan)
    far = _powers(findings, "log10_scales_flow")
    times = (arrays["flow_tau_2"], arrays["flow_tau_3"], float(arrays["D_norm"]))
    return Laws(power, arrays["tau_2"], arrays["tau_3"], far, *times, resolved)


def draw_laws(axes: Sequence[Axes], data: Laws) -> None:
    """Phases by descent, phases by the flow, misalignment."""
    near, far, spread = axes
    for ax, power, tau_2, tau_3 in (
        (near, data.power, data.tau_2, data.tau_3),
        (far, data.far_power, data.far_tau_2, data.far_tau_3),
    ):
        line = tau_2[-1] + (power[-1] - power) * np.log(10.0) / data.D_norm
        ax.plot(
            -power, line, "--", color=style.THEORY, linewidth=1.0, label=r"slope $\ln 10 / ||D^*||$"
        )
        ax.plot(-power, tau_2, "o", color=style.LEARNED, markersize=4, label=r"$\tau_2$")
        ax.plot(
            -power,
            tau_3,
            "s",
            color=style.POSITIVE,
            markersize=4,
            markerfacecolor="none",
            label=r"$\tau_3$",
        )
        ax.set_xlabel(r"$\log_{10} (1/\lambda)$")
    near.set_ylabel("flow time")
    near.set_title("(a) descent")
    far.set_title("(b) the flow itself")
    shown = np.isfinite(data.misalignment)
    spread.plot(
        -data.power[shown],
        np.log10(data.misalignment[shown]),
        "o",
        color=style.LEARNED,
        markersize=4,
    )
    anchor = np.flatnonzero(shown)[-1]
    spread.plot(
        -data.power[shown],
        np.log10(data.misalignment[anchor]) + 2 * (data.power[shown] - data.power[anchor]),
        "--",
        color=style.THEORY,
        linewidth=1.0,
    )
    spread.set_xlabel(r"$\log_{10} (1/\lambda)$")
    spread.set_ylabel(r"$\log_{10} (1 - \min \cos)$ at $\tau_2$")
    spread.set_title(r"(c) slope 2 dashed")
    legend_below(axes)


CLAIMS: tuple[Claim, ...] = (tau_2_law, misalignment_law, phase_2b_length, phase_2b_measured)
FIGURES = (
    Figure(
        id="scaling-laws",
        file="scaling-laws",
        cases=("scaling",),
        caption="Three points: end of the alignment and growth phases, and spread of the aligned neurons, over scales down to 10^-1000.",
        layout=(1, 3, style.PAGE, 2.5),
        collect=collect_laws,
        draw=draw_laws,
    ),
)
