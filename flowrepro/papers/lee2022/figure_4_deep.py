"""The norm of a network of five weight matrices from a small and from a large start.

lee2022, Figure 4 and Appendix D.2.

The 10000 samples are the paper's; the steps are 2500 of 40 times the size from the small start
(the paper: 100000) and 6000 from the large one (30000), unless ``--full`` is given. A step takes
13 ms of one core, so that the paper's 130000 take half an hour. The teacher's scale is not stated
in the paper: 0.2 = sqrt(2 / 50) keeps the scale from layer to layer, and the large start, 0.44, is
then 2.2 times as large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.published import as_declared
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number
from flowrepro.core.trajectory import Study
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Note, Panel
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.hypotheses import draws_its_points
from flowrepro.papers.lee2022.panels import STEPS, thinned
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "The norm of a deep network", given=(draws_its_points,))

WIDTHS = (100, 50, 50, 50, 50, 1)
"""d, four hidden layers and the output (Appendix D.2: depth 5, 50 neurons)."""
RECORDS, FIRST = 500, 20
"""Records of a run, evenly spread, and first steps that are all recorded: the large start jumps
there."""
EULER_EVERY = 25
SETTLED = 10
"""Step from which the norm of the large start falls on every draw; the first ones are beyond the
limit of stability."""
LOOKED_AT = 30
"""Steps of every further draw of the large start."""
FEWEST = 500
"""Samples from which the caption was seen to hold."""
FREE = ("seed", "options.n", "options.small_lr", "options.small_steps", "options.large_steps",
        "options.draws", "options.attempts")  # fmt: skip
"""Keys that leave it the paper's figure: at how many samples, for how long, in which steps."""
PAPER_LR = {"small": 8e-4, "large": 1e-4}
"""Step sizes of Figure 4 (Appendix D.3)."""
PAPER_SIZES = {"n": 10_000, "small_steps": 100_000, "large_steps": 30_000}


def gaussian_layers(rng: np.random.Generator, scale: float) -> list[np.ndarray]:
    """Weight matrices with entries N(0, scale^2)."""
    return [scale * rng.standard_normal((wide, narrow)) for narrow, wide in pairwise(WIDTHS)]


@partial(topic.study, takes_all_cores=True)
def deep(
    *,
    n: int = option(10_000, "samples", within=(1, 100_000)),
    teacher: float = option(0.2, "standard deviation of the teacher's weights", within=(0.01, 1.0)),
    small: float = option(0.04, "standard deviation of the small start", within=(1e-3, 1.0)),
    small_lr: float = option(3.2e-2, "step size from the small start", within=(1e-7, 1.0)),
    small_steps: int = option(2_500, "steps from the small start", within=(1, 1_000_000)),
    large: float = option(0.44, "standard deviation of the large start", within=(1e-3, 1.0)),
    large_lr: float = option(1e-4, "step size from the large start", within=(1e-7, 1.0)),
    large_steps: int = option(6_000, "steps from the large start", within=(1, 1_000_000)),
    draws: int = option(8, "draws of the first steps from the large start", within=(1, 1000)),
    attempts: int = option(5, "seeds tried where a run overflows", within=(1, 100)),
    device: str = option("cpu", "device of the training: cpu, cuda, cuda:INDEX or auto"),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """The two runs of Figure 4, by the prefixes small_ and large_.

    step, loss : (T,), norms : (T, 5), euler : (T,) as in `DeepPath`; teacher_norms : (5,) of the
    run's teacher, lr : (). diverged : seeds that overflowed before one that did not; seed : () the
    one shown, the last one tried where all did. first_norms : (draws, K) total norm at the first
    steps from the large start on the seeds from ``seed`` on, nan after an overflow.
    """
    arrays: dict[str, np.ndarray] = {}
    looked_at = min(LOOKED_AT, large_steps)
    every = small_steps + large_steps + draws * looked_at
    seeds = range(seed, seed + attempts)
    for name, scale, lr, n_steps, done in (
        ("small", small, small_lr, small_steps, 0),
        ("large", large, large_lr, large_steps, small_steps),
    ):
        report: Callable[[int], None] = lambda step, done=done: progress(done + step, every)  # type: ignore[misc]  # noqa: E731
        found = _trained(n, teacher, scale, lr, n_steps, seeds, device, report)
        arrays |= {f"{name}_{key}": np.asarray(value) for key, value in found.items()}
    first = np.full((draws, looked_at + 1), np.nan)
    for i in range(draws):
        done = small_steps + large_steps + i * looked_at
        report = lambda step, done=done: progress(done + step, every)  # type: ignore[misc]  # noqa: E731
        found = _trained(
            n, teacher, large, large_lr, looked_at, range(seed + i, seed + i + 1), device, report
        )
        first[i, : len(found["norms"])] = total(found["norms"])
    return {**arrays, "first_norms": first}


def _trained(
    n: int,
    teacher_scale: float,
    scale: float,
    lr: float,
    n_steps: int,
    seeds: Iterable[int],
    device: str,
    report: Callable[[int], None],
) -> dict[str, Any]:
    """One run, tried with the next seed where it overflows."""
    from flowrepro.engines.torch_deep import descend, outputs

    first, even = (
        np.arange(min(FIRST, n_steps) + 1),
        np.linspace(0, n_steps, min(n_steps, RECORDS) + 1),
    )
    record = np.unique(np.concatenate([first, even.round().astype(int)])).tolist()
    diverged: list[int] = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((n, WIDTHS[0]))
        teacher, student = gaussian_layers(rng, teacher_scale), gaussian_layers(rng, scale)
        look: Any = {"device": device, "euler_every": EULER_EVERY, "progress": report}
        path = descend(X, outputs(X, teacher), student, lr, record, **look)
        if not path.diverged:
            break
        diverged.append(seed)
    path_of = {"step": path.step, "loss": path.loss, "norms": path.norms, "euler": path.euler}
    return {
        **path_of,
        "lr": lr,
        "seed": seed,
        "teacher_norms": [float(np.linalg.norm(W)) for W in teacher],
        "diverged": np.array(diverged, dtype=np.int64),
    }


DEEP = deep.case(
    "deep",
    "Figure 4: norm of a network of five weight matrices from a small and a large start, with 2500 "
    "steps 40 times as long (the paper: 100000) and 6000 steps (30000).",
    quick={"n": 500, "large_steps": 1_000, "draws": 2},
)


def total(norms: np.ndarray) -> np.ndarray:
    """||Theta|| = sqrt(sum_l ||W_l||_F^2) from norms (..., L)."""
    return np.asarray(np.sqrt(np.sum(np.square(norms), axis=-1)))


def survived(name: str) -> Callable[[Study], str | None]:
    """Factory: the run with this prefix did not overflow."""

    def hypothesis(study: Study) -> str | None:
        seeds = study.arrays[f"{name}_diverged"]
        if study.arrays[f"{name}_seed"] in seeds:
            return f"all {len(seeds)} seeds overflowed (lr above stability at these draws)"
        return None

    return hypothesis


def enough_samples(study: Study) -> str | None:
    """The figure has 10000 samples."""
    n = study.case.options["n"]
    if n >= FEWEST:
        return None
    return f"the figure has 10000 samples and this study {n}; take {FEWEST} or more"


def as_fine(study: Study) -> str | None:
    """Steps from the small start are no longer than those at which the caption was seen to hold."""
    lr, most = study.case.options["small_lr"], DEEP.options["small_lr"]
    if lr <= most:
        return None
    return f"steps of {lr:g} from the small start are longer than {most:g}; lower options.small_lr"


OF_THE_FIGURE = (as_declared(DEEP, FREE), enough_samples, as_fine)


@topic.claim(
    "figure-4-small",
    "From a small start the norm rises from T = 0 on, with 2500 steps of 40 times the paper's size "
    "(100000).",
    place="Figure 4a; Appendix D.2",
    kind="reproduction",
    given=(
        *OF_THE_FIGURE,
        survived("small"),
    ),
)
def small_grows(study: Study) -> Iterator[Part]:
    """Records at which it does not rise, and the growth to the end."""
    norm = total(study.arrays["small_norms"])
    yield none_of("records with a norm that is not larger", int(np.sum(~(np.diff(norm) > 0))))
    yield number("norm, end / start", norm[-1] / norm[0])


@topic.claim(
    "figure-4-large",
    "From a large start the norm falls from T = 0 on, with 6000 steps (the paper: 30000).",
    place="Figure 4b; Appendix D.2",
    kind="reproduction",
    given=(
        *OF_THE_FIGURE,
        survived("large"),
    ),
)
def large_falls(study: Study) -> Iterator[Part]:
    """Records at which it does not fall, and the readings of the caption beside.

    All steps up to FIRST are recorded: whether the norm rises there depends on the draw. Under the
    reading "once the first SETTLED steps are over" it falls on all.
    """
    arrays = study.arrays
    step, rises = arrays["large_step"], ~(np.diff(total(arrays["large_norms"])) < 0)
    yield none_of("records from T = 0 on with a norm that is not smaller", int(rises.sum()))
    later = int(rises[step[:-1] >= SETTLED].sum())
    yield number(f"under the reading 'from step {SETTLED} on', such records", later)
    drawn = np.diff(arrays["first_norms"], axis=1)
    yield number(f"of {len(drawn)} draws, falls from T = 0 on", np.sum(np.all(drawn < 0, axis=1)))
    settled = np.all(drawn[:, SETTLED:] < 0, axis=1)
    yield number(f"of them, falls from step {SETTLED} on", np.sum(settled))
    yield number("seeds that diverged before", arrays["large_diverged"].size)
    loss = arrays["large_loss"]
    yield number("largest loss of the first steps / initial", loss[: FIRST + 1].max() / loss[0])


@topic.claim(
    "figure-4-norm-identity",
    "A step changes ||Theta||^2 by -10 lr mean((f - y) f) + lr^2 ||gradient||^2.",
    place="Appendix D.2",
    label="identity",  # f is positively homogeneous of degree 5
)
def norm_identity(study: Study) -> Iterator[Part]:
    """Largest error relative to ||Theta||^2, in float64."""
    for name in ("small", "large"):
        yield at_most(f"{name} start", np.nanmax(study.arrays[f"{name}_euler"]), 1e-13)


@topic.claim(
    "figure-4-balance",
    "From a small start descent keeps the differences of the layers' squared norms, as the flow "
    "does.",
    place="Section 3.2; Appendix D.2",
    given=(survived("small"),),
)
def balance(study: Study) -> Iterator[Part]:
    """Drift of ||W_(l+1)||^2 - ||W_l||^2, in units of ||Theta(0)||^2 / 5."""
    squares = np.square(study.arrays["small_norms"])
    gaps = np.diff(squares, axis=1)
    yield at_most("largest drift", np.abs(gaps - gaps[0]).max() / squares[0].mean(), 1e-2)


@topic.claim(
    "figure-4-slower",
    "A small start slows the network down: it takes 100 times as many steps as a large one until "
    "the loss is halved.",
    place="Appendix D.2",
    kind="reproduction",
    given=(*OF_THE_FIGURE, survived("small"), survived("large")),
)
def small_is_slower(study: Study) -> Iterator[Part]:
    """Steps until the loss stays below half its initial value, in steps of the paper's size."""
    arrays, halved = study.arrays, {}
    for name, paper_lr in PAPER_LR.items():
        loss = arrays[f"{name}_loss"]
        # it may dip below before: the large start jumps
        first = int(np.flatnonzero(loss > 0.5 * loss[0])[-1]) + 1
        if first == len(loss):
            raise NotApplicable(
                f"the {name} start does not halve its loss within {arrays[f'{name}_step'][-1]} "
                "steps"
            )
        halved[name] = float(arrays[f"{name}_step"][first] * arrays[f"{name}_lr"] / paper_lr)
    yield at_least("small / large", halved["small"] / halved["large"], 100.0)
    for name, step in halved.items():
        yield number(f"{name}, paper's steps", step)


def _caption(study: Study) -> str:
    ours = study.case.options
    names = {"n": "samples", "small_steps": "steps from the small start",
             "large_steps": "steps from the large start"}  # fmt: skip
    told = [
        f"{ours[key]} {name} (the paper: {PAPER_SIZES[key]})"
        for key, name in names.items()
        if ours[key] != PAPER_SIZES[key]
    ]
    times = ours["small_lr"] / PAPER_LR["small"]
    norm, first = total(study.arrays["large_norms"]), np.diff(study.arrays["first_norms"], axis=1)
    falls = int(np.sum(np.all(first < 0, axis=1)))
    smaller = f" There are {', '.join(told)}." if told else ""
    scaled = (
        " The axis counts steps of the paper's size; those from the small start are "
        f"{times:g} times as large."
    )
    return (
        "Five weight matrices, not balanced: the norm rises from a small start and falls from a "
        f"large one, from {norm[0]:.4g} to {norm[-1]:.4g}. On {falls} of {len(first)} draws it "
        "falls from the start, on the others it rises in the first steps, which are beyond the "
        f"limit of stability.{smaller}{scaled if times != 1 else ''}"
    )


@topic.figure(
    "4",
    _caption,
    file="figure-4-deep-network",
    layout=(3, 2, style.PAGE, 5.2),
    share="x",
    tolerance=(2e-2, 1e-3),  # float32, whose rounding the escape from the small start amplifies
)
def norm_and_loss(study: Study) -> Iterable[Panel]:
    """Total norm, norms of the layers and loss of both starts over the paper's steps.

    The steps of the large start are on a logarithmic scale, as it jumps in the first ones.
    """
    arrays, cases = study.arrays, []
    for name, paper_lr in PAPER_LR.items():
        small, each = name == "small", arrays[f"{name}_norms"]
        shown = np.unique(np.concatenate([np.arange(min(20, len(each))), thinned(len(each))]))
        x = arrays[f"{name}_step"][shown] * float(arrays[f"{name}_lr"]) / paper_lr
        x, each = x / (1000 if small else 1), each[shown]
        teacher = float(total(arrays[f"{name}_teacher_norms"]))
        curves = [
            Line(x, norm, colour=style.POSITIVE, width=1.0, dash=dash,
                 label=rf"$\|W_{k + 1}(T)\|$")
            for k, (norm, dash) in enumerate(zip(each.T, style.DASHES, strict=True))
        ]  # fmt: skip
        sized = [
            Line(x, total(each), label=r"$\|\Theta(T)\|$"),
            Note(rf"$\|\Theta^*\| = {teacher:.3g}$", "center right"),
        ]
        loss = [Line(x, arrays[f"{name}_loss"][shown], width=1.0)]
        steps, scale = (STEPS, "linear") if small else ("step $T$", "symlog")
        common: Any = {"xlabel": steps, "xlim": (0, float(x[-1]))}
        started = f"{name} start, $k = {float(study.case.options[name]):g}$"
        cases.append([
            Panel(sized, title=started, ylabel=r"$\|\Theta(T)\|$", scale=f"{scale}-linear",
                  **common),
            Panel(curves, ylabel=r"$\|W_l(T)\|$", scale=f"{scale}-linear",
                  ylim=(0.0, 1.1 * float(each.max())), **common),
            Panel(loss, ylabel="loss", scale=f"{scale}-log", **common),
        ])  # fmt: skip
    return [panel for pair in zip(*cases, strict=True) for panel in pair]
