"""What Figures 4 and 5 of boursier2022 (Appendix A) show on five points that are not orthogonal, as checks.

Windows cover 12 measured seeds for the small initialisation and 20 for the large one.
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
from flowrepro.claims.published import FREE, as_published
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Run
from flowrepro.papers.boursier2022.experiments import FIVE_POINTS, LAZY
from flowrepro.papers.boursier2022.hypotheses import (
    final,
    first_below,
    initial,
    recorded_every,
    ref,
    state,
)
from flowrepro.papers.boursier2022.positive_fit import best_positive_fit
from flowrepro.theory.square_descent import mse, step_time
from flowrepro.theory.stationary import force
from flowrepro.theory.tangent_kernel import (
    kernel_interpolator,
    linearised_descent,
    relative_movement,
)
from flowrepro.theory.variation_norm import (
    least_norm_interpolator,
    least_variation_norm,
    piecewise_linear,
    variation_norm,
)

SMALL, LARGE = (as_published(FIVE_POINTS),), (as_published(LAZY),)
TIMED = (*SMALL, recorded_every(1_000))
SADDLE_TOLERANCE = 1e-4
"""Of the MSE at the saddle; 1e-5 measured."""
SADDLE_REACH = {225.0: (5.0, 0.01), 17.5: (22.5, 3e-3)}
"""direction in degrees -> (reach in degrees of a group of neurons at the saddle, tolerance of its sum ||w||^2)."""


def _angles(W: np.ndarray) -> np.ndarray:
    """Angle of each w (m, 2) in degrees, in [0, 360)."""
    return np.degrees(np.arctan2(W[:, 1], W[:, 0])) % 360.0  # type: ignore[no-any-return]


def _apart(angles: np.ndarray, other: np.ndarray | float) -> np.ndarray:
    """Unsigned difference of angles in degrees, in [0, 180]."""
    return np.abs((angles - other + 180.0) % 360.0 - 180.0)


def _grid(run: Run) -> np.ndarray:
    """The 100 points (x, 1) on which the figures draw the function, (100, 2)."""
    x = np.linspace(run.X[:, 0].min() - 1, run.X[:, 0].max() + 1, 100)
    return np.column_stack([x, np.ones_like(x)])


def stable_directions(X: np.ndarray, y: np.ndarray, sign: float) -> np.ndarray:
    """Angles (degrees) to which small neurons of output sign ``sign`` turn near the origin, d = 2.

    There a neuron turns by <sign D(u), u_perp> with D(u) = (1/n) sum over active k of y_k x_k; an angle is stable where
    this changes from + to -, continuously or by a jump. Resolution 0.01 degrees.
    """
    angles = np.radians(np.arange(0.005, 360.0, 0.01))
    U = np.column_stack([np.cos(angles), np.sin(angles)])
    turning = sign * np.sum(force(X, -y / len(y), U) * np.column_stack([-U[:, 1], U[:, 0]]), axis=1)
    stable = (turning > 1e-12) & (np.roll(turning, -1) < -1e-12)
    return np.degrees(angles[stable]) + 0.005  # type: ignore[no-any-return]


def _left_group(run: Run) -> np.ndarray:
    """Neurons of positive output sign within 10 degrees of 225 at the saddle (step 94000)."""
    W, a = state(run, 94_000)
    group: np.ndarray = (a > 0) & (_apart(_angles(W), 225.0) <= 10.0) & np.any(W != 0, axis=1)
    if not group.any():
        raise NotApplicable("no neuron points to 225 degrees at step 94000")
    return group


def _leaves_the_saddle(run: Run) -> None:
    """NotApplicable if descent has lost every negative neuron, so that the run stays at the saddle for ever.

    The flow keeps the sign of a_j (Lemma 1). At the paper's step, negative neurons that decay to 1e-7 may jump over 0;
    on 3 of 20 measured seeds (12, 13, 17) all do. With an eight times smaller step these seeds leave the saddle too.
    """
    W, a = final(run)
    negative = int(np.sum((a < 0) & np.any(run.X @ W.T > 0, axis=0)))
    if (
        negative == 0
        and abs(mse(run)[-1] - best_positive_fit(run.X, run.y).mse) <= SADDLE_TOLERANCE
    ):
        jumped = int(np.sum((a > 0) & (initial(run)[1] < 0)))
        raise NotApplicable(
            f"this draw stays at the saddle: no active neuron has a negative output weight any more, {jumped} having jumped to positive, "
            "which the flow cannot do (Lemma 1); take a smaller protocol.lr or another seed"
        )


@statement(
    "figure-4f-start",
    ref("Figure 4f"),
    "reproduction",
    ("five-points",),
    "the loss stays at mean y^2 before it first drops",
    TIMED,
)
def figure_4f_start(run: Run) -> list[Judgement]:
    """measured: MSE at step 0 (mean y^2) and the first step 1 % below it."""
    start = float(np.mean(np.square(run.y)))
    return [
        window("MSE at step 0 relative to mean y^2", mse(run)[0] / start, 1 - 1e-6, 1 + 1e-6),
        window(
            "first step with MSE < 0.99 mean y^2", first_below(run, 0.99 * start), 20_000, 26_000
        ),
    ]


@statement(
    "figure-4b",
    ref("Figure 4b"),
    "reproduction",
    ("five-points",),
    "early alignment ends with small neurons on few directions",
    SMALL,
)
def figure_4b(run: Run) -> list[Judgement]:
    """measured: at step 15000, largest norm, and distance (degrees) of the larger neurons with a > 0 to the stable directions."""
    W, a = state(run, 15_000)
    norms = np.linalg.norm(W, axis=1)
    chosen = (a > 0) & (norms > 0.05 * norms.max())
    directions = stable_directions(run.X, run.y, 1.0)
    apart = np.min(_apart(_angles(W[chosen])[:, None], directions), axis=1)
    return [
        upper("largest ||w_j||", norms.max(), 0.02),
        upper("degrees to the nearest stable direction", apart.max(initial=0.0), 5.0),
    ]


@statement(
    "figure-4c",
    ref("Figure 4c"),
    "reproduction",
    ("five-points",),
    "two groups of neurons have grown at the intermediate saddle",
    SMALL,
)
def figure_4c(run: Run) -> list[Judgement]:
    """measured: at step 94000, the MSE, sum ||w||^2 of the two groups with a > 0, and that of all others."""
    W, a = state(run, 94_000)
    masses, angles = np.sum(np.square(W), axis=1), _angles(W)
    fit, reached = (
        best_positive_fit(run.X, run.y),
        float(np.mean(np.square(predict(run.X, W, a) - run.y))),
    )
    parts = [
        window("MSE", reached, *target_window(FIVE_POINTS, "MSE at the saddle")),
        upper("|MSE - best fit with a >= 0|", abs(reached - fit.mse), SADDLE_TOLERANCE),
    ]
    others = np.ones(len(a), dtype=bool)
    for angle, (reach, tolerance) in SADDLE_REACH.items():
        group = (a > 0) & (_apart(angles, angle) <= reach)
        mass = float(fit.masses[_apart(fit.angles, angle) <= reach].sum())
        others &= ~group
        parts.append(
            upper(
                f"|sum ||w||^2 - {mass:.5g}| near {angle:g} degrees",
                abs(masses[group].sum() - mass),
                tolerance,
            )
        )
    return [*parts, upper("sum ||w||^2 of the other neurons", masses[others].sum(), 5e-3)]


@statement(
    "figure-4f-plateau",
    ref("Figure 4f"),
    "reproduction",
    ("five-points",),
    "saddle-to-saddle: the loss stays near the saddle from 75000 to 135000",
    TIMED,
)
def figure_4f_plateau(run: Run) -> list[Judgement]:
    """measured: first step with MSE < 0.0640 and first step 1 % below the saddle's."""
    _leaves_the_saddle(run)
    leave, saddle = (
        target_window(FIVE_POINTS, "first step with MSE < 0.99 of the saddle's"),
        best_positive_fit(run.X, run.y).mse,
    )
    return [
        window("first step with MSE < 0.0640", first_below(run, 0.0640), 65_000, 80_000),
        window("first step 1 % below the saddle", first_below(run, 0.99 * saddle), *leave),
    ]


@statement(
    "figure-4d",
    ref("Figure 4d"),
    "reproduction",
    ("five-points",),
    "leaving the saddle, a group grows and turns at the same time",
    SMALL,
)
def figure_4d(run: Run) -> list[Judgement]:
    """measured: from step 150000 to 300000, growth of sum ||w||^2 and turn (degrees) of the group at 225 degrees."""
    _leaves_the_saddle(run)
    group = _left_group(run)
    masses, directions = [], []
    for step in (150_000, 300_000):
        W, a = state(run, step)
        masses.append(float(np.sum(np.square(W[group]))))
        directions.append(_angles((np.abs(a[group]) @ W[group])[None])[0])
    return [
        lower("growth of sum ||w||^2", masses[1] / masses[0], 2.0),
        lower("turn in degrees", float(_apart(directions[1], directions[0])), 15.0),
    ]


@statement(
    "figure-4e",
    ref("Figure 4e"),
    "reproduction",
    ("five-points",),
    "the final function fits the data and is sparse in its kinks",
    SMALL,
)
def figure_4e(run: Run) -> list[Judgement]:
    """measured: MSE at step 300000, and distance on the data's range to the interpolator of least F1 norm, reached later."""
    _leaves_the_saddle(run)
    W, a = final(run)
    x = np.linspace(run.X[:, 0].min(), run.X[:, 0].max(), 1001)
    distance = np.abs(
        predict(np.column_stack([x, np.ones_like(x)]), W, a)
        - least_norm_interpolator(run.X, run.y)(x)
    ).max()
    return [
        upper("MSE", mse(run)[-1], 1e-3),
        upper("sup distance to the interpolator of least F1 norm", distance, 0.15),
    ]


@statement(
    "figure-4e-variation-norm",
    ref("Appendix A"),
    "reproduction",
    ("five-points",),
    "small initialisation comes close to the least F1 norm",
    (as_published(FIVE_POINTS, (*FREE, "protocol.n_steps")),),
)
def figure_4e_variation_norm(run: Run) -> list[Judgement]:
    """measured: F1 norm of the final function over the least F1 norm of an interpolator, once MSE < 1e-8.

    Not a theorem for data that are not orthogonal; 1.054 measured after 600000 steps.
    """
    if mse(run)[-1] > 1e-8:
        raise NotApplicable(
            f"the data are not interpolated yet (MSE {mse(run)[-1]:.2g} > 1e-8); set n_steps to 600000"
        )
    return [
        window(
            "F1 norm / least F1 norm",
            variation_norm(piecewise_linear(*final(run))) / least_variation_norm(run.X, run.y),
            1 - 1e-3,
            1.10,
        )
    ]


@statement(
    "figure-5-movement",
    ref("Figure 5"),
    "reproduction",
    ("lazy",),
    "lazy regime: the weights do not significantly move",
    LARGE,
)
def figure_5_movement(run: Run) -> list[Judgement]:
    """measured: ||theta_end - theta_0|| / ||theta_0||."""
    return [upper("relative movement", relative_movement(*initial(run), *final(run)), 0.3)]


@statement(
    "figure-5-kernel",
    ref("Figure 5b"),
    "reproduction",
    ("lazy",),
    "the final function is about the interpolator of the tangent kernel at initialisation",
    LARGE,
)
def figure_5_kernel(run: Run) -> list[Judgement]:
    """measured: sup over the plot grid of |f_end - f_NTK| / sup |f_NTK - f_0|; likewise for descent on the linearised network."""
    grid, start, end = _grid(run), initial(run), final(run)
    f0, f1 = predict(grid, *start), predict(grid, *end)
    limit = kernel_interpolator(run.X, run.y, *start)(grid)
    linear = linearised_descent(
        run.X, run.y, *start, step_time(run) / len(run.y), run.trajectory.last_step
    )(grid)
    size = np.abs(limit - f0).max()
    return [
        upper("distance to the kernel interpolator", np.abs(f1 - limit).max() / size, 0.35),
        upper("distance to linearised descent", np.abs(f1 - linear).max() / size, 0.35),
        upper("distance between the two", np.abs(linear - limit).max() / size, 0.05),
    ]


@statement(
    "figure-5-speed",
    ref("Appendix A"),
    "reproduction",
    ("lazy",),
    "a large initialisation converges much faster",
    (as_published(LAZY, (*FREE, "protocol.n_steps")), recorded_every(100)),
)
def figure_5_speed(run: Run) -> list[Judgement]:
    """measured: MSE at step 5000, relative to the start and to a tenth of mean y^2, where Figure 4's run still has mean y^2; first step < 0.01.

    That step depends on the draw and may lie beyond the paper's 5000: a run that ends before the window does is not judged by it.
    """
    curve, first, limits = (
        mse(run),
        first_below(run, 0.01),
        target_window(LAZY, "first step with MSE < 0.01"),
    )
    if run.trajectory.last_step < 5_000:
        raise NotApplicable(
            f"the run ends at step {run.trajectory.last_step}; the statement needs 5000"
        )
    at_5000 = float(np.interp(5_000, run.trajectory.step, curve))
    open_end = np.isinf(first) and run.trajectory.last_step < limits[1]
    name = "first step with MSE < 0.01"
    return [
        upper("MSE at step 5000 / MSE at step 0", at_5000 / curve[0], 1e-3),
        upper("MSE at step 5000", at_5000, 0.1 * np.mean(np.square(run.y))),
        number(f"{name} (not within this run; n_steps={limits[1]:g} tells)", first)
        if open_end
        else window(name, first, *limits),
    ]


@statement(
    "figure-5-variation-norm",
    ref("Figure 5b"),
    "reproduction",
    ("lazy",),
    "the lazy solution is far from simple",
    LARGE,
)
def figure_5_variation_norm(run: Run) -> list[Judgement]:
    """measured: F1 norm of the final function over the least one of an interpolator."""
    return [
        lower(
            "F1 norm / least F1 norm",
            variation_norm(piecewise_linear(*final(run))) / least_variation_norm(run.X, run.y),
            10.0,
        )
    ]


CLAIMS = (
    *(
        figure_4f_start,
        figure_4b,
        figure_4c,
        figure_4f_plateau,
        figure_4d,
        figure_4e,
        figure_4e_variation_norm,
    ),
    *(figure_5_movement, figure_5_kernel, figure_5_speed, figure_5_variation_norm),
)
