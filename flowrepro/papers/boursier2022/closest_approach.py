r"""How near the flow comes to the saddle theta_S: a power of lambda (beyond boursier2022, which bounds it by lambda^{eps/5}).

x = I_2, y = (1, -1/r). After the first half-fit the positive neurons still miss a part e^{-2 d_+ (t - T_+)} ~ lambda^-2 e^{-2 d_+ t}
of W_+, while the negative ones have grown to lambda e^{d_- t}. The sum is least where both are equal, lambda^q with

    q = (2 r - 2) / (2 r + 1).
"""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import statement, window
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.flow.flow import integrate
from flowrepro.papers.boursier2022.closed_form import ClosedForm
from flowrepro.papers.boursier2022.experiments import CLOSEST_APPROACH
from flowrepro.papers.boursier2022.hypotheses import ref
from flowrepro.papers.boursier2022.log_scale import RTOL, Start
from flowrepro.papers.boursier2022.scaling_laws import exponent
from flowrepro.papers.boursier2022.study_inputs import require_options
from flowrepro.papers.topic import Progress
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

TIMES = 500
"""Records between the half-fits, at which the distance is measured."""


def predicted_exponent(r: np.ndarray) -> np.ndarray:
    """q = (2 r - 2) / (2 r + 1)."""
    return np.asarray((2 * r - 2) / (2 * r + 1))


def closest_approach(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """StudyCase: least ||theta_t - theta_S|| for ratios r and, per ratio, scales at which lambda^q is 10^-decade.

    Arrays: r (R,), and of shape (R, D) for the decades: ll, nearest, time.
    Raises UsageError for options out of range: a ratio near 1 has no visible saddle.
    """
    require_options(study)
    ratios, decades = np.array(study.options["ratios"]), np.array(study.options["decades"])
    found = np.empty((3, len(ratios), len(decades)))
    for i, r in enumerate(ratios):
        for k, decade in enumerate(decades):
            found[:, i, k] = _nearest(
                float(r),
                Start.of(-float(decade / predicted_exponent(r)), study.options["m"], study.seed, 2),
            )
            progress(i * len(decades) + k + 1, found[0].size)
    return {"r": ratios, "ll": found[0], "nearest": found[1], "time": found[2]}


def _nearest(r: float, start: Start) -> tuple[float, float, float]:
    """(ln(1/lambda), least distance to theta_S, flow time of it)."""
    X, y = np.eye(2), np.array([1.0, -1.0 / r])
    form = ClosedForm.of(X, y, start.W, start.a)
    first, second = form.half_times - start.ln_scale / form.rates
    run = integrate(
        X,
        y,
        start.W,
        start.a,
        HALF_MEAN_SQUARE,
        np.linspace(first, second, TIMES),
        rtol=RTOL,
        ln_scale=start.ln_scale,
    )
    W, a = form.saddle()
    theta = np.exp(run.Y[:, :, :1]) * run.Y[:, :, 1:]
    distance = np.sqrt(np.sum(np.square(theta - np.column_stack([W, a])), axis=(1, 2)))
    k = int(distance.argmin())
    return -start.ln_scale, float(distance[k]), float(run.t[k])


@statement(
    "closest-approach",
    ref("Fact 1, beyond"),
    "theory",
    (CLOSEST_APPROACH.name,),
    "the flow comes to within lambda^q of theta_S, q = (2r-2)/(2r+1)",
    (as_declared(CLOSEST_APPROACH, ("seed", "options.ratios", "options.m")),),
)
def closest_approach_law(findings: Study) -> list[Judgement]:
    """measured: exponent of lambda in the least distance to theta_S, for each ratio r of the rates."""
    arrays, parts = findings.arrays, []
    for i, r in enumerate(arrays["r"]):
        expected, allowed = float(predicted_exponent(r)), 0.02 if r < 1.3 else 0.01
        parts.append(
            window(
                f"exponent for r = {r:g}",
                exponent(arrays["ll"][i], arrays["nearest"][i]),
                expected - allowed,
                expected + allowed,
            )
        )
    return parts


CLAIMS = (closest_approach_law,)
