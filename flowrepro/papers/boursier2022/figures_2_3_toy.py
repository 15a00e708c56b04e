r"""Two orthogonal points: Figures 2 and 3 of boursier2022 (Section 5).

Paper -> here: \lambda -> scale / sqrt(m); \theta_j = (w_j, a_j); s_j = sign(a_j);
h_\theta -> predict; L(\theta) = (1/2n) sum r^2. The experiments of the paper descend the
MSE = 2 L, so factor = 2 and t = 2 lr step: the plateau of Figure 3 at 1/2 and its iteration
counts come out only so. Windows cover 40 to 100 measured seeds; the round numbers in the paper's
text are single unseeded runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np

from flowrepro import data
from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.published import as_published, is_flow
from flowrepro.claims.verdict import Part, at_least, at_most, number, within
from flowrepro.core.config import Data, Descent, Init, Loss, Record, Target, TrainingCase
from flowrepro.core.initialize import initial_weights
from flowrepro.core.network import activation, flow_time, predict
from flowrepro.core.overrides import departures
from flowrepro.core.trajectory import Run
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.animation import schedule
from flowrepro.figures.line_panels import line_panels
from flowrepro.figures.panels import Line, Mark, Panel, Vertical
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.boursier2022.closed_form import ClosedForm
from flowrepro.papers.boursier2022.hypotheses import (
    FLOW_EQUAL_NORMS,
    closed_form,
    final,
    first_below,
    growth_per_step,
    initial,
    orthogonal,
    recorded_every,
    state,
    target_window,
    two_signs,
)
from flowrepro.papers.boursier2022.sign_classes import SignClass, sign_classes
from flowrepro.papers.topic import Topic
from flowrepro.theory.alignment import cosines
from flowrepro.theory.square_descent import descent_on_squares, mse
from flowrepro.theory.variation_norm import affine_cost, piecewise_linear, variation_norm

topic = Topic(PAPER, "Figures 2 and 3: two orthogonal points")

MSE = Loss(name="square", reduction="mean", factor=2.0)

TOY = topic.run(
    "toy",
    "Two orthogonal points pass a saddle from a small start (Figures 2 and 3).",
    data=Data(name="two-points"),
    init=Init(name="balanced", m=60, scale=1e-6, divide_by="sqrt(m)"),  # Section 5
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=20_000),  # Section 5; Figure 3's axis ends at 20000
    record=Record(
        save_every=1,
        snapshots=(
            *(0, 4_000, 8_000, 15_000, 20_000),  # panels of Figure 2
            *range(6_500, 11_001, 500),  # near theta_S
            *range(14_000, 20_001, 50),  # final phase: path length and gradient domination
        ),
        geometric=1.05,
        # leaves 0, half of the positive label, leaves the saddle, half of the negative label
        levels=(0.99, 0.625, 0.495, 0.125),
    ),
    targets=(
        Target(
            what="first step with MSE < 0.99 (leaves 0)",
            paper=5_000,
            ours=5_210,
            window=(4_800, 5_800),
        ),
        Target(
            what="first step with MSE < 0.495 (leaves the saddle)",
            paper=11_000,
            ours=10_568,
            window=(9_500, 12_000),
        ),
    ),
    quick={"n_steps": 9_000, "geometric": 0.0},
)

PUBLISHED = (as_published(TOY),)
TIMED = (*PUBLISHED, recorded_every(100))
observed = partial(topic.claim, kind="reproduction", given=PUBLISHED)
STEP_WINDOWS = {
    **{level: target_window(TOY, f"first step with MSE < {level:g} ") for level in (0.99, 0.495)},
    0.625: (5_900.0, 6_700.0),
    0.125: (12_000.0, 14_200.0),
}
"""level of the MSE -> steps between which it is first passed; 0.625, 0.125: half of each label."""


def _groups(run: Run) -> list[tuple[SignClass, np.ndarray]]:
    """The two classes with their S, which must not be empty."""
    groups = [(chosen, chosen.members(*initial(run))) for chosen in sign_classes(run.X, run.y)]
    if not all(members.any() for _, members in groups):
        raise NotApplicable("Assumption 3 fails for this draw")
    return groups


def _kink(w: np.ndarray) -> np.ndarray:
    """-w_2 / w_1 for w (..., 2); inf where w_1 = 0."""
    slope = w[..., 0]
    return np.where(slope != 0, -w[..., 1] / np.where(slope != 0, slope, 1.0), np.inf)


def _kink_error(chosen: SignClass, W: np.ndarray, most: float) -> Part:
    error = np.abs(_kink(W) - _kink(chosen.direction)).max()
    return at_most(f"largest kink error, sign {chosen.sign:+.0f}", error, most)


def _largest_norm(W: np.ndarray) -> float:
    return float(np.linalg.norm(W, axis=1).max(initial=0.0))


@observed("figure-2a", "At the initialisation all neurons are close to 0.", place="Figure 2a")
def figure_2a(run: Run) -> Iterator[Part]:
    """The largest norm at step 0."""
    yield at_most("largest ||w_j|| at step 0", _largest_norm(initial(run)[0]), 1e-6)


@observed(
    "figure-2b",
    "At the end of the first phase S+ is aligned with D+ and S- with -D-.",
    place="Figure 2b",
)
def figure_2b(run: Run) -> Iterator[Part]:
    """Norms, cosines with the two directions, and distances of the kinks to theirs, at 4000."""
    W, _ = state(run, 4_000)
    yield at_most("largest ||w_j||", _largest_norm(W), 0.01)
    for (chosen, members), least in zip(_groups(run), (0.99999, 0.999), strict=True):
        cosine = cosines(W[members], chosen.direction).min()
        yield at_least(f"least cosine, sign {chosen.sign:+.0f}", cosine, least)
        yield _kink_error(chosen, W[members], 0.15)


@observed(
    "figure-2c",
    "At the end of the second phase S+ has grown and the positive label is fitted.",
    place="Figure 2c",
)
def figure_2c(run: Run) -> Iterator[Part]:
    """Outputs, u+ = sum over S+ of ||w||^2, other norms and the MSE, at step 8000."""
    (fast, members), _ = _groups(run)
    W, a = state(run, 8_000)
    f = predict(run.X, W, a)
    yield at_most("|f - y| on the positive point", np.abs(f - run.y)[run.y > 0].max(), 5e-3)
    yield at_most("|f| on the negative point", np.abs(f[run.y < 0]).max(), 1e-3)
    yield at_most("|u+ - W+|", abs(np.sum(np.square(W[members])) - fast.weight), 1e-3)
    yield at_most("largest ||w_j|| outside S+", _largest_norm(W[~members]), 5e-3)
    yield within("MSE", np.mean(np.square(f - run.y)), 0.4995, 0.5005)


@observed(
    "figure-2d",
    "At the end of the third phase both labels are fitted by a function with two kinks.",
    place="Figure 2d",
)
def figure_2d(run: Run) -> Iterator[Part]:
    """MSE at two steps; at the end the kinks, and the distance to W+ relu(<D+,x>/||D+||) - ..."""
    groups = _groups(run)
    W, a = final(run)
    for step, most in ((15_000, 5e-3), (20_000, 1e-10)):
        error = np.mean(np.square(predict(run.X, *state(run, step)) - run.y))
        yield at_most(f"MSE at step {step}", error, most)
    for chosen, members in groups:
        yield _kink_error(chosen, W[members], 1e-3)
    x = np.linspace(run.X[:, 0].min() - 1, run.X[:, 0].max() + 1, 100)
    grid = np.column_stack([x, np.ones_like(x)])
    expected = sum(
        chosen.sign * chosen.weight * activation(grid @ chosen.direction / chosen.rate)
        for chosen, _ in groups
    )
    bends = len(piecewise_linear(W, a, same_kink=1e-3).visible(1e-3))
    yield within("kinks with a slope change > 1e-3", bends, 2, 2)
    distance = np.abs(predict(grid, W, a) - expected).max()
    yield at_most("sup distance to the two-neuron interpolator", distance, 1e-3)


@observed(
    "figure-2d-variation-norm",
    "The learned function has a smaller F1 norm than the linear interpolator.",
    place="Section 5",
)
def figure_2d_variation_norm(run: Run) -> Iterator[Part]:
    """The F1 norm of the final function against that of the line through the two points."""
    line = np.polyfit(run.X[:, 0], run.y, 1)
    yield at_most(
        "F1 norm of the learned function, against the linear interpolator's",
        variation_norm(piecewise_linear(*final(run))),
        affine_cost(*line),
    )


@observed(
    "figure-3-steps",
    "The run leaves the first saddle after 5000 iterations and the second one around 11000.",
    place="Figure 3",
    given=TIMED,
)
def figure_3_steps(run: Run) -> Iterator[Part]:
    """First steps with the MSE below the levels of STEP_WINDOWS."""
    for level, limits in STEP_WINDOWS.items():
        yield within(f"first step with MSE < {level:g}", first_below(run, level), *limits)


@observed(
    "figure-3-plateaus",
    "The loss stays near 1, then near 1/2, and then goes to 0.",
    place="Figure 3",
    given=TIMED,
)
def figure_3_plateaus(run: Run) -> Iterator[Part]:
    """The MSE on the plateaus (1/n) sum y^2 = 1 and (1/n) sum_{y<0} y^2 = 1/2."""
    curve = np.interp([4_000, 8_000], run.trajectory.step, mse(run))
    yield within("MSE at step 4000", curve[0], 0.999, 1.001)
    yield within("MSE at step 8000", curve[1], 0.499, 0.501)
    yield number("MSE at the end", mse(run)[-1])


@observed(
    "figure-4-contrast",
    "With orthogonal data the neurons keep their direction while they grow.",
    place="Appendix A",
    given=TIMED,
)
def figure_4_contrast(run: Run) -> Iterator[Part]:
    """Largest turn of a neuron of S+ that ends above 1e-3, from 1000 steps before the half-fit."""
    (_, members), _ = _groups(run)
    steps = run.trajectory.snapshot_step
    half_fit = first_below(run, 0.625)
    early = steps[(steps <= half_fit - 1_000) & (steps >= half_fit - 1_500)]
    if not early.size:
        raise NotApplicable(
            "the run keeps no weights 1000 to 1500 steps before the half-fit of the positive "
            "label; record.geometric=1.05 keeps them"
        )
    W0, W = state(run, int(early[-1]))[0], final(run)[0]
    large = members & (np.linalg.norm(W, axis=1) > 1e-3)
    cross = W0[large, 0] * W[large, 1] - W0[large, 1] * W[large, 0]
    turned = np.degrees(np.abs(np.arctan2(cross, np.sum(W0[large] * W[large], axis=1))))
    yield at_most("largest turn in degrees", turned.max(initial=0.0), 0.1)


# ---- what is shown

PHASES = {
    0: "initialisation",
    4_000: "end of first phase",
    8_000: "end of second phase",
    15_000: "end of third phase",
}
LEAVES = 0.99
"""A plateau of the loss is left where the loss falls below this part of its height."""


def phases_of(run: Run, own: TrainingCase, phases: dict[int, str]) -> dict[int, str]:
    """The paper's names of the panels; none for a run that departs from it in more than length."""
    free = ("engine", "device", "dtype", "n_steps", "target_loss")
    changed = departures(run.case, own, ("seed", "record.", *(f"protocol.{key}" for key in free)))
    return {} if changed else phases


def titled(run: Run, own: TrainingCase, points: str) -> str:
    """The beginning of a caption: the points, which may be a user's, and the initial scale."""
    named = points if run.case.data == own.data else run.dataset.note
    power = f" x 10^{run.case.init.log10_scale:g}" if run.case.init.log10_scale else ""
    return f"{named[0].upper()}{named[1:]}, initial scale {run.case.init.scale:g}{power}"


def finite_loss(run: Run) -> np.ndarray:
    """The recorded loss; NotDrawable where it is not finite."""
    if not np.all(np.isfinite(run.trajectory.loss)):
        raise NotDrawable("the loss is not finite; lower the step size or rescale the points")
    return run.trajectory.loss


def loss_panel(run: Run, marks: Iterable[Mark], top: float = 1.08) -> Panel:
    """A panel for the loss over the steps, up to ``top`` times its largest value."""
    loss = run.case.loss
    plain = (loss.name, loss.reduction, loss.factor) == ("square", "mean", 2.0)
    quantity = "training MSE" if plain else "training loss"
    return Panel(
        marks,
        xlabel="step",
        ylabel=quantity,
        xticks=4,
        xlim=(0, max(1, int(run.trajectory.step[-1]))),
        ylim=(0, top * float(run.trajectory.loss.max()) or 1.0),
    )


@topic.figure(
    "2",
    lambda run: (
        f"{titled(run, TOY, 'two orthogonal points')}: learned function and neurons at the "
        "initialisation and at the end of the first, second and third phase."
    ),
    file="figure-2-toy-panels",
    layout=(2, 2, style.PAGE, 4.8),
    share="both",
)
def panels(run: Run) -> list[Panel]:
    """The learned function and the neurons at four steps."""
    return line_panels(run, tuple(PHASES), phases_of(run, TOY, PHASES))


def predicted_loss(run: Run) -> np.ndarray | None:
    """The loss (T,) that the closed form predicts; None outside its hypotheses."""
    if any(given(run) is not None for given in FLOW_EQUAL_NORMS):
        return None
    form = closed_form(run)
    return run.case.loss.factor / 2 * form.mse(run.trajectory.step, growth_per_step(run, form))


def _loss_caption(run: Run) -> str:
    closed = predicted_loss(run) is not None
    more = ", and the closed form from the initial weights alone" if closed else ""
    return (
        f"{titled(run, TOY, 'two orthogonal points')}: training loss with the steps at which "
        f"its plateaus are left{more}."
    )


@topic.figure("3", _loss_caption, file="figure-3-toy-loss", layout=(1, 1, style.COLUMN, 2.7))
def loss_curve(run: Run) -> Iterator[Panel]:
    """The loss, where its plateaus at 0 and at the saddle are left, and the closed form."""
    step, loss = run.trajectory.step, finite_loss(run)
    levels = [float(loss[0])]
    if all(given(run) is None for given in (descent_on_squares, orthogonal, two_signs)):
        slow = sign_classes(run.X, run.y)[1]  # at the saddle it is not fitted at all
        levels.append(run.case.loss.factor / 2 * float(np.sum(np.square(slow.y))) / slow.n)
    method = "gradient flow" if is_flow(run) else "gradient descent"
    marks: list[Mark] = [Line(step, loss, width=2.2, label=method)]
    left = [run.trajectory.first_below(LEAVES * level) for level in levels]
    for first, plateau, at in zip(left, ("0", "saddle"), (0.94, 0.86), strict=False):
        if first is not None:
            tag = f"{plateau} left at {first}"
            marks.append(Vertical(first, tag=tag, at=at, colour=style.DATA, width=0.6))
    predicted = predicted_loss(run)
    if predicted is not None:
        gap = float(np.abs(loss - predicted).max())
        named = f"closed form from the initial draw (off by at most {gap:.1g})"
        marks.append(Line(step, predicted, label=named, colour=style.THEORY, dash="--", width=1.0))
    yield loss_panel(run, marks, top=1.25)


def film(run: Run) -> Iterator[list[Panel]]:
    """A frame for every snapshot on a geometric schedule."""
    steps = schedule(run.trajectory.snapshot_step, 1.05)
    return ([panel] for panel in line_panels(run, steps, {}))


topic.animation(
    "2",
    "Two orthogonal points: learned function, and kink and signed norm of every neuron during "
    "training.",
    on=TOY,
    file="toy",
    layout=(1, 1, 5.0, 3.6),
)(film)


# ---- what a sweep over the scale is compared with


def escape(level: float, case: TrainingCase) -> float:
    """First step at which the closed form of the case's seed has MSE < level   (Section 4.2).

    nan if that is not within its steps.
    """
    points = data.load(case.data)
    form = ClosedForm.of(
        points.X, points.y, *initial_weights(case.init, case.seed, points.X.shape[1])
    )
    growth = form.growth(float(flow_time(case.loss, case.protocol.lr, 1)))
    below = np.flatnonzero(form.mse(np.arange(case.protocol.n_steps + 1), growth) < level)
    return float(below[0]) if below.size else float("nan")


for _level in (0.99, 0.495):
    topic.law(
        (TOY,), "init.scale", f"first_below_{_level:g}", "Section 4.2", partial(escape, _level)
    )
