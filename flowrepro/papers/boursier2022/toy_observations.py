"""What Figures 2 and 3 of boursier2022 show on the two orthogonal points, as checks.

Windows cover 40 to 100 measured seeds; the round numbers in the paper's text are single unseeded runs.
"""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import (
    NotApplicable,
    lower,
    number,
    statement,
    target_window,
    upper,
    window,
)
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_published
from flowrepro.core.network import activation, predict
from flowrepro.core.trajectory import Run
from flowrepro.papers.boursier2022.experiments import TOY
from flowrepro.papers.boursier2022.hypotheses import (
    final,
    first_below,
    initial,
    recorded_every,
    ref,
    state,
)
from flowrepro.papers.boursier2022.sign_classes import SignClass, sign_classes
from flowrepro.theory.alignment import cosines
from flowrepro.theory.square_descent import mse
from flowrepro.theory.variation_norm import (
    PiecewiseLinear,
    affine_cost,
    piecewise_linear,
    variation_norm,
)

PUBLISHED = (as_published(TOY),)
TIMED = (*PUBLISHED, recorded_every(100))
STEP_WINDOWS = {
    **{level: target_window(TOY, f"first step with MSE < {level:g} ") for level in (0.99, 0.495)},
    0.625: (5_900.0, 6_700.0),
    0.125: (12_000.0, 14_200.0),
}
"""level of the MSE -> steps between which it is first passed; 0.625 and 0.125 are half of each label."""


def _groups(run: Run) -> list[tuple[SignClass, np.ndarray]]:
    """The two classes with their S, which the observations need non-empty."""
    groups = [(chosen, chosen.members(*initial(run))) for chosen in sign_classes(run.X, run.y)]
    if not all(members.any() for _, members in groups):
        raise NotApplicable("Assumption 3 fails for this draw")
    return groups


def _kink(w: np.ndarray) -> np.ndarray:
    """-w_2 / w_1 for w (..., 2); inf where w_1 = 0."""
    slope = w[..., 0]
    return np.where(slope != 0, -w[..., 1] / np.where(slope != 0, slope, 1.0), np.inf)


def _kink_error(chosen: SignClass, W: np.ndarray) -> float:
    return float(np.abs(_kink(W) - _kink(chosen.direction)).max())


def _largest_norm(W: np.ndarray) -> float:
    return float(np.linalg.norm(W, axis=1).max(initial=0.0))


@statement(
    "figure-2a",
    ref("Figure 2a"),
    "reproduction",
    ("toy",),
    "at initialisation all neurons are close to 0",
    PUBLISHED,
)
def figure_2a(run: Run) -> list[Judgement]:
    """measured: max_j ||w_j(0)||."""
    return [upper("largest ||w_j|| at step 0", _largest_norm(initial(run)[0]), 1e-6)]


@statement(
    "figure-2b",
    ref("Figure 2b"),
    "reproduction",
    ("toy",),
    "at the end of the first phase S+ and S- are aligned with D+ and -D-",
    PUBLISHED,
)
def figure_2b(run: Run) -> list[Judgement]:
    """measured: cosines with the two directions, distance of the kinks to theirs, largest norm, at step 4000."""
    W, _ = state(run, 4_000)
    parts = [upper("largest ||w_j||", _largest_norm(W), 0.01)]
    for (chosen, members), least in zip(_groups(run), (0.99999, 0.999), strict=True):
        parts.append(
            lower(
                f"least cosine, sign {chosen.sign:+.0f}",
                cosines(W[members], chosen.direction).min(),
                least,
            )
        )
        parts.append(
            upper(
                f"largest kink error, sign {chosen.sign:+.0f}",
                _kink_error(chosen, W[members]),
                0.15,
            )
        )
    return parts


@statement(
    "figure-2c",
    ref("Figure 2c"),
    "reproduction",
    ("toy",),
    "after the second phase S+ has grown and the positive label is fitted",
    PUBLISHED,
)
def figure_2c(run: Run) -> list[Judgement]:
    """measured: outputs, u+ = sum over S+ of ||w||^2, other norms and the MSE, at step 8000."""
    (fast, members), _ = _groups(run)
    W, a = state(run, 8_000)
    f = predict(run.X, W, a)
    return [
        upper("|f - y| on the positive point", np.abs(f - run.y)[run.y > 0].max(), 5e-3),
        upper("|f| on the negative point", np.abs(f[run.y < 0]).max(), 1e-3),
        upper("|u+ - W+|", abs(np.sum(np.square(W[members])) - fast.weight), 1e-3),
        upper("largest ||w_j|| outside S+", _largest_norm(W[~members]), 5e-3),
        window("MSE", np.mean(np.square(f - run.y)), 0.4995, 0.5005),
    ]


@statement(
    "figure-2d",
    ref("Figure 2d"),
    "reproduction",
    ("toy",),
    "after the third phase both labels are fitted by a function with two kinks",
    PUBLISHED,
)
def figure_2d(run: Run) -> list[Judgement]:
    """measured: MSE at steps 15000 and 20000; at the end kinks and the distance to W+ relu(<D+,x>/||D+||) - W- relu(...)."""
    groups = _groups(run)
    W, a = final(run)
    parts = [
        upper(
            f"MSE at step {step}",
            np.mean(np.square(predict(run.X, *state(run, step)) - run.y)),
            most,
        )
        for step, most in ((15_000, 5e-3), (20_000, 1e-10))
    ]
    parts += [
        upper(f"largest kink error, sign {chosen.sign:+.0f}", _kink_error(chosen, W[members]), 1e-3)
        for chosen, members in groups
    ]
    x = np.linspace(run.X[:, 0].min() - 1, run.X[:, 0].max() + 1, 100)
    grid = np.column_stack([x, np.ones_like(x)])
    expected = sum(
        chosen.sign * chosen.weight * activation(grid @ chosen.direction / chosen.rate)
        for chosen, _ in groups
    )
    parts.append(
        window(
            "kinks with a slope change > 1e-3",
            len(piecewise_linear(W, a, same_kink=1e-3).visible(1e-3)),
            2,
            2,
        )
    )
    parts.append(
        upper(
            "sup distance to the two-neuron interpolator",
            np.abs(predict(grid, W, a) - expected).max(),
            1e-3,
        )
    )
    return parts


@statement(
    "figure-2d-variation-norm",
    ref("Section 5"),
    "reproduction",
    ("toy",),
    "the learned function has a smaller F1 norm than the linear interpolator",
    PUBLISHED,
)
def figure_2d_variation_norm(run: Run) -> list[Judgement]:
    """measured: F1 norm of the final function; bound: that of the line through the two points."""
    slope, intercept = np.polyfit(run.X[:, 0], run.y, 1)
    f: PiecewiseLinear = piecewise_linear(*final(run))
    return [
        upper(
            "F1 norm of the learned function, against the linear interpolator's",
            variation_norm(f),
            affine_cost(slope, intercept),
        )
    ]


@statement(
    "figure-3-steps",
    ref("Figure 3"),
    "reproduction",
    ("toy",),
    "the run leaves the first saddle after 5000 and the second around 11000 iterations",
    TIMED,
)
def figure_3_steps(run: Run) -> list[Judgement]:
    """measured: first steps with MSE below 0.99 and 0.495 (leaving), 0.625 and 0.125 (half of a label fitted)."""
    return [
        window(f"first step with MSE < {level:g}", first_below(run, level), *limits)
        for level, limits in STEP_WINDOWS.items()
    ]


@statement(
    "figure-3-plateaus",
    ref("Figure 3"),
    "reproduction",
    ("toy",),
    "the loss stays near 1, then near 1/2, then goes to 0",
    TIMED,
)
def figure_3_plateaus(run: Run) -> list[Judgement]:
    """measured: the MSE at steps 4000 and 8000; (1/n) sum y^2 = 1 and (1/n) sum_{y<0} y^2 = 1/2 are expected."""
    curve = np.interp([4_000, 8_000], run.trajectory.step, mse(run))
    return [
        window("MSE at step 4000", curve[0], 0.999, 1.001),
        window("MSE at step 8000", curve[1], 0.499, 0.501),
        number("MSE at the end", mse(run)[-1]),
    ]


@statement(
    "figure-4-contrast",
    ref("Appendix A"),
    "reproduction",
    ("toy",),
    "with orthogonal data the neurons keep their direction while they grow",
    TIMED,
)
def figure_4_contrast(run: Run) -> list[Judgement]:
    """measured: largest angle (degrees) by which a neuron of S+ that ends above 1e-3 turns after 1000 steps before the half-fit."""
    (_, members), _ = _groups(run)
    steps = run.trajectory.snapshot_step
    half_fit = first_below(run, 0.625)
    early = steps[(steps <= half_fit - 1_000) & (steps >= half_fit - 1_500)]
    if not early.size:
        raise NotApplicable(
            "the run keeps no weights 1000 to 1500 steps before the half-fit of the positive label; record.geometric=1.05 keeps them"
        )
    W0, W = state(run, int(early[-1]))[0], final(run)[0]
    large = members & (np.linalg.norm(W, axis=1) > 1e-3)
    cross = W0[large, 0] * W[large, 1] - W0[large, 1] * W[large, 0]
    turned = np.degrees(np.abs(np.arctan2(cross, np.sum(W0[large] * W[large], axis=1))))
    return [upper("largest turn in degrees", turned.max(initial=0.0), 0.1)]


CLAIMS = (
    figure_2a,
    figure_2b,
    figure_2c,
    figure_2d,
    figure_2d_variation_norm,
    figure_3_steps,
    figure_3_plateaus,
    figure_4_contrast,
)
