"""Cases behind the theorems: flows of many starts, analyses of the data sets, early phases, frequencies over draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowrepro.core.config import Data, StudyCase

LEFT = Data(name="symmetric-example")
MIDDLE = Data(name="constant-feature")
RIGHT = Data(name="hinted")
STRICT = Data(
    name="hinted", options={"H": 31.0}
)  # meets the sufficient condition of Theorem 6.2, H = 4 does not
SYMMETRIC = Data(name="symmetric")
SYMMETRIC_5D = Data(name="symmetric", options={"d": 5, "h": 10, "seed": 2})
ORTHOGONAL = Data(name="orthogonally-separable")

LATE: Mapping[str, Any] = {
    "alpha": 0.5,
    "m": 10,
    "init": "gaussian",
    "scales": [1e-6],
    "seeds": 8,
    "control": 0.25,  # half the explicit integrator's own step, for conserved quantities to 1e-10
    "near": [1e2, 1e3],  # margins min q reached by explicit steps
    "far": [1e4, 1e6, 1e8],  # and by implicit ones: losses down to 10^-43000000
}


def study_case(
    name: str,
    shows: str,
    computes: str,
    data: Data | None,
    options: Mapping[str, Any],
    quick: Mapping[str, Any],
) -> StudyCase:
    """A study of this command."""
    return StudyCase(
        name=name,
        command="margin",
        paper="lyu2021",
        shows=shows,
        computes=computes,
        data=data,
        options=options,
        quick=quick,
    )


def _flow(name: str, shows: str, data: Data, **options: Any) -> StudyCase:
    return study_case(name, shows, "late-flows", data, {**LATE, **options}, {"options.seeds": 2})


def _early(name: str, shows: str, data: Data) -> StudyCase:
    options = {
        "alpha": 0.5,
        "m": 3,
        "seeds": 4,
        "radii": [0.1, 0.03, 0.01],
        "tiny": [3e-3, 1e-3, 3e-4, 1e-4, 1e-6],
        "scales": [1e-2, 1e-3, 1e-4, 1e-5, 1e-6],
        "late": 4.0,
    }
    return study_case(name, shows, "early-phases", data, options, {"options.seeds": 2})


def _aligned(name: str, shows: str, data: Data) -> StudyCase:
    options = {
        "alpha": 0.5,
        "m": 5,
        "seeds": 2,
        "scales": [1e-10, 1e-12, 1e-14],
        "radii": [1e-3, 3e-4, 1e-4],
        "ratio": 100.0,
    }
    return study_case(name, shows, "aligned-growth", data, options, {"options.seeds": 1})


def _pair(name: str, shows: str, data: Data) -> StudyCase:
    return study_case(
        name,
        shows,
        "two-neurons",
        data,
        {"alpha": 0.5, "seeds": 12, "q": [1e2, 1e4, 1e6, 1e8]},
        {"options.seeds": 2},
    )


def _inequalities(name: str, shows: str, data: Data) -> StudyCase:
    return study_case(
        name,
        shows,
        "inequalities",
        data,
        {"alpha": 0.5, "m": 4, "points": 2000, "seeds": 60, "scale": 0.3},
        {"options.points": 100},
    )


def _assumptions(name: str, shows: str, data: Data) -> StudyCase:
    options = {"alpha": 0.5, "searches": 2000, "perturbations": 2000}
    return study_case(
        name,
        shows,
        "assumptions",
        data,
        options,
        {"options.searches": 100, "options.perturbations": 100},
    )


THEORY_CASES: tuple[StudyCase, ...] = (
    _flow(
        "flow-symmetric",
        "Theorems 3.1 and 4.3: flows on symmetric points of the plane to losses of 10^-43000000",
        SYMMETRIC,
    ),
    _flow("flow-symmetric-5d", "Theorems 3.1 and 4.3: the same in dimension 5", SYMMETRIC_5D),
    _flow(
        "flow-middle",
        "Theorems 3.1 and A.7: balanced starts on the points of Figure 1 middle",
        MIDDLE,
        init="balanced",
    ),
    _flow(
        "flow-right",
        "Theorems 3.1 and 6.2: balanced starts on the hinted points of Figure 1 right",
        RIGHT,
        init="balanced",
    ),
    _flow(
        "flow-one-neuron",
        "Theorem G.9: a single neuron on the points of Figure 1 middle",
        MIDDLE,
        init="balanced",
        m=1,
        seeds=16,
        near=[1e2],
    ),
    _flow(
        "flow-orthogonal",
        "Theorem H.2: ReLU on orthogonally separable points, small and large starts",
        ORTHOGONAL,
        alpha=0.0,
        m=8,
        scales=[1e-3, 1.0],
    ),
    _flow(
        "flow-orthogonal-leaky",
        "Appendix I.2: leaky ReLU on orthogonally separable points, from the first step on",
        ORTHOGONAL,
        init="balanced",
        scales=[1e-3],
        near=[1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0],
        far=[],
    ),
    _early(
        "early-symmetric", "Section 5: phases I and II on symmetric points of the plane", SYMMETRIC
    ),
    _early("early-symmetric-5d", "Section 5: phases I and II in dimension 5", SYMMETRIC_5D),
    _aligned(
        "early-middle",
        "Lemmas G.4 and G.5: the early phase on the points of Figure 1 middle",
        MIDDLE,
    ),
    _aligned("early-right", "Lemmas G.4 and G.5: the early phase on the hinted points", RIGHT),
    study_case(
        "probability-symmetric",
        "Theorem 4.3: how often neurons of both signs grow, by width",
        "coin-flips",
        SYMMETRIC,
        {
            "alpha": 0.5,
            "init": "gaussian",
            "scale": 1e-6,
            "widths": [2, 3, 4],
            "seeds": 400,
            "q": 100.0,
        },
        {"options.seeds": 50},
    ),
    study_case(
        "probability-right",
        "Theorem 6.2: how often the one-neuron classifier is found on the hinted points, by width",
        "coin-flips",
        RIGHT,
        {
            "alpha": 0.5,
            "init": "balanced",
            "scale": 1e-20,
            "widths": [1, 2, 3],
            "seeds": 300,
            "q": 100.0,
        },
        {"options.seeds": 50},
    ),
    _pair("two-neurons", "Theorem 5.5: two neurons on symmetric points of the plane", SYMMETRIC),
    _pair("two-neurons-5d", "Theorem 5.5: two neurons in dimension 5", SYMMETRIC_5D),
    study_case(
        "local-maximum",
        "Theorem 5.6: flows from around the optimum, dimension 5",
        "local-maximum",
        SYMMETRIC_5D,
        {
            "alpha": 0.5,
            "m": 4,
            "seeds": 2,
            "sizes": [0.3, 0.1, 0.01],
            "radii": [10.0, 100.0, 1000.0],
            "q": 1e8,
        },
        {"options.seeds": 1, "options.radii": [10.0]},
    ),
    _inequalities(
        "inequalities",
        "Appendix B: inequalities at random weights, Theorem B.19, symmetric points in dimension 5",
        SYMMETRIC_5D,
    ),
    _inequalities("inequalities-right", "Appendix B: the same on the hinted points", RIGHT),
    _assumptions("assumptions-left", "Theorem 4.2 and the assumptions, Figure 1 left", LEFT),
    _assumptions(
        "assumptions-symmetric",
        "Theorem 4.2 and the assumptions, symmetric points of the plane",
        SYMMETRIC,
    ),
    _assumptions("assumptions-middle", "Assumptions A.1 to A.5, Figure 1 middle", MIDDLE),
    _assumptions("assumptions-right", "Assumptions A.1 to A.5, Figure 1 right", RIGHT),
    _assumptions(
        "assumptions-strict",
        "Theorem 6.2: the hinted points with a hint that its proof allows",
        STRICT,
    ),
)
