"""Cases of boursier2024 that analyse points or compare many runs; data only."""

from __future__ import annotations

from flowrepro.core.config import Data, StudyCase, Target

ANALYSIS_OPTIONS = {
    "alpha": 0.0,
    "eta": 1 / 6,
    "eps": [0.1, 0.2, 0.3],
    "alpha0": [1.0, 0.1],
    "directions": 720,
}


def _measured(what: str, ours: float, width: float) -> Target:
    """A number that the paper leaves open: ours, which its definition gives, up to the rounding of the digits kept."""
    return Target(
        what=what, paper="defined, not stated", ours=ours, window=(ours - width, ours + width)
    )


ANALYSIS = StudyCase(
    name="analysis",
    command="three-point",
    paper="boursier2024",
    shows="cones, extremal vectors, constants and assumptions of the points of Figure 2, before any training",
    computes="analysis",
    options=ANALYSIS_OPTIONS,
    data=Data(name="three-points"),
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

ANALYSIS_BOXES = StudyCase(
    name="analysis-boxes",
    command="three-point",
    paper="boursier2024",
    shows="the same of the points of Figure 1, which lie in the boxes of Assumption 3",
    computes="analysis",
    options=ANALYSIS_OPTIONS,
    data=Data(name="three-points-in-boxes"),
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

BOXES = StudyCase(
    name="boxes",
    command="three-point",
    paper="boursier2024",
    shows="Lemma 8 and Theorem 2 on random points in the boxes of Assumption 3",
    computes="boxes",
    options={
        "eta": [1 / 6, 0.12, 0.0976],
        "samples": 1000,
        "trained": 24,
        "m": 500,
        "scale": 1e-4,
        "lr": 1e-2,
        "n_steps": 10_000,
        "finer": 10,
    },
    quick={"options.samples": 200, "options.trained": 4},
)


def _ours(what: str, ours: float, low: float, high: float) -> Target:
    """A number that is not in the paper: ours, and the window for other machines and seeds."""
    return Target(what=what, paper="not in the paper", ours=ours, window=(low, high))


LIMIT_POINT = StudyCase(
    name="limit-point",
    command="three-point",
    paper="boursier2024",
    shows="Section 5: the end of training on the points of Figure 2 is a local minimum, and how small its basin is",
    computes="limit-point",
    options={
        "inits": ["balanced", "dominated"],
        "m": 2000,
        "scale": 1e-3,
        "lr": 1e-3,
        "n_steps": 200_000,
        "sigmas": [0.0, 1e-9, 1e-8, 1e-6, 1e-4, 1e-2],
        "more_steps": 400_000,
    },
    data=Data(name="three-points"),
    quick={"options.sigmas": [0.0, 1e-2]},
)

SCALING = StudyCase(
    name="scaling",
    command="three-point",
    paper="boursier2024",
    shows="beyond the paper: how the phases scale with lambda, down to 10^-1000",
    computes="scaling",
    options={
        "m": 400,
        "log10_scales": [-2.0, -3.0, -4.0, -6.0, -8.0, -10.0, -13.0, -16.0, -20.0],
        "lr": 1e-3,
        "log10_scales_flow": [-3.0, -10.0, -30.0, -100.0, -300.0, -1000.0],
        "m_flow": 24,
        "eps2": 0.01,
        "eps3": 0.1,
    },
    data=Data(name="three-points"),
    quick={
        "options.log10_scales": [-3.0, -4.0, -6.0],
        "options.log10_scales_flow": [-10.0, -100.0],
    },
)

CRITICAL_SCALE = StudyCase(
    name="critical-scale",
    command="three-point",
    paper="boursier2024",
    shows="beyond the paper: above which scale training fits the points of Figure 2, over the width",
    computes="critical-scale",
    options={
        "widths": [20, 200, 2000],
        "scales": [0.01, 0.02, 0.04, 0.06, 0.08, 0.12, 0.2, 0.4],
        "seeds": 3,
        "laws": ["balanced", "dominated"],
        "nodes": 1000,
        "low": 0.02,
        "high": 0.5,
        "lr": 1e-2,
        "n_steps": 15_000,
        "alpha0": 1.0,
        "eps": 0.1,
    },
    data=Data(name="three-points"),
    targets=(
        _ours("critical scale, balanced", 0.0946, 0.091, 0.097),
        _ours("critical scale, dominated", 0.228, 0.213, 0.235),
    ),
    quick={"options.widths": [20, 200], "options.seeds": 1},
)

BASIN = StudyCase(
    name="basin",
    command="three-point",
    paper="boursier2024",
    shows="beyond the paper: radius of the spurious minimum over the width, and escape from it by noise",
    computes="basin",
    options={
        "scale": 1e-3,
        "widths": [100, 1000, 10_000, 100_000],
        "seeds": 25,
        "m": 500,
        "sigmas": [2e-7, 4e-7, 6e-7, 1e-6, 1.5e-6, 2.5e-6, 5e-6],
        "draws": 12,
        "lr": 2e-2,
        "n_steps": 10_000,
        "more_steps": 25_000,
    },
    data=Data(name="three-points"),
    quick={"options.widths": [100, 1000, 10_000], "options.draws": 3},
)

UNBALANCED_WIDTH = StudyCase(
    name="unbalanced-width",
    command="three-point",
    paper="boursier2024",
    shows="beyond the paper: how many unbalanced neurons leave least squares on the points of Figure 2, and when",
    computes="unbalanced-width",
    options={
        "widths": [20, 50, 100, 200, 500],
        "scales": [1e-2, 1e-3, 1e-4, 1e-5],
        "seeds": 6,
        "lr": 2e-2,
        "horizon": 900.0,
    },
    data=Data(name="three-points"),
    targets=(
        _ours(
            "plateau per decade of 1/lambda, in flow time (MSE below half of least squares)",
            101.0,
            80.0,
            128.0,
        ),
    ),
    quick={"options.widths": [20, 200], "options.scales": [1e-2, 1e-3], "options.seeds": 2},
)

INFINITE_WIDTH = StudyCase(
    name="infinite-width",
    command="three-point",
    paper="boursier2024",
    shows="beyond the paper: the network of infinite width on the points of Figure 2, and how wide ones approach it",
    computes="infinite-width",
    options={
        "steps": [3669, 4440, 5374, 6504],
        "widths": [200, 2000, 10_000],
        "seeds": 16,
        "nodes": 40_000,
        "scale": 1e-3,
        "lr": 1e-3,
    },
    data=Data(name="three-points"),
    quick={"options.nodes": 4000, "options.seeds": 2, "options.widths": [100, 400]},
)

LEAKY_SLOPES = StudyCase(
    name="leaky-slopes",
    command="three-point",
    paper="boursier2024",
    shows="beyond the paper: the trap of Figure 2 under leaky activations",
    computes="leaky-slopes",
    options={
        "slopes": [0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.5],
        "m": 200,
        "scale": 1e-3,
        "seeds": 6,
        "lr": 2e-2,
        "n_steps": 25_000,
    },
    data=Data(name="three-points"),
    quick={"options.seeds": 1},
)

OMNIDIRECTIONALITY = StudyCase(
    name="omnidirectionality",
    command="three-point",
    paper="boursier2024",
    shows="beyond the paper: in which cones the neurons are along training on the points of Figure 2",
    computes="omnidirectionality",
    options={
        "inits": ["balanced", "gaussian"],
        "m": 2000,
        "scale": 1e-3,
        "lr": 1e-3,
        "n_steps": 300_000,
        "growth": 1.1,
    },
    data=Data(name="three-points"),
    quick={"options.m": 500, "options.n_steps": 20_000},
)

EIGHT_PIECE_SETS = StudyCase(
    name="eight-piece-sets",
    command="three-point",
    paper="boursier2024",
    shows="beyond the paper: random draws of the points of Figure 3, pieces found, and the best fit with as many",
    computes="eight-piece-sets",
    options={"sets": 8, "m": 400, "scale": 1e-3, "lr": 4e-2, "n_steps": 40_000, "starts": 10},
    quick={"options.sets": 2, "options.m": 100},
)

SADDLE_VIEW = StudyCase(
    name="saddle-view",
    command="three-point",
    paper="boursier2024",
    shows="beyond the paper: how fast an unbalanced network leaves its plateaus on the points of Figure 2, predicted and measured",
    computes="saddle-view",
    options={"m": 500, "scale": 1e-3, "lr": 1e-2, "horizon": 600.0, "every": 10, "growth": 1.05},
    data=Data(name="three-points"),
    targets=(_ours("plateaus", 2, 2, 2), _ours("rate at the last plateau", 0.0306, 0.0300, 0.0312)),
    quick={"options.m": 200},
)

SADDLE_VIEW_EIGHT = StudyCase(
    name="saddle-view-eight",
    command="three-point",
    paper="boursier2024",
    shows="beyond the paper: the same on the points of Figure 3, with few neurons",
    computes="saddle-view",
    options={"m": 400, "scale": 1e-3, "lr": 2e-2, "horizon": 3000.0, "every": 10, "growth": 1.05},
    data=Data(name="eight-pieces", options={"seed": None}),
    targets=(
        _ours("plateaus", 3, 3, 3),
        _ours("rate at the last plateau", 0.00543, 0.0053, 0.0056),
    ),
    quick={"options.horizon": 1500.0},
)

LABEL_SIGNS = StudyCase(
    name="label-signs",
    command="three-point",
    paper="boursier2024",
    shows="beyond the paper: the points of Figure 2 with labels +1 and -1, logistic and square loss",
    computes="label-signs",
    options={
        "level": 0.5,
        "losses": ["logistic", "square"],
        "laws": ["balanced", "dominated", "gaussian"],
        "m": 300,
        "scale": 1e-5,
        "seeds": 6,
        "lr": 1e-2,
        "n_steps": 100_000,
    },
    data=Data(name="three-points"),
    quick={"options.seeds": 2},
)

STUDY_CASES: tuple[StudyCase, ...] = (
    *ANALYSES,
    BOXES,
    LIMIT_POINT,
    SCALING,
    CRITICAL_SCALE,
    BASIN,
    UNBALANCED_WIDTH,
    INFINITE_WIDTH,
    LEAKY_SLOPES,
    OMNIDIRECTIONALITY,
    EIGHT_PIECE_SETS,
    SADDLE_VIEW,
    SADDLE_VIEW_EIGHT,
    LABEL_SIGNS,
)
