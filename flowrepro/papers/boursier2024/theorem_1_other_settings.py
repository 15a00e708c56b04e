r"""Theorems 1 and 3 with leaky slopes, the logistic loss, in more than two dimensions.

Random points with both signs of labels have several extremal vectors. The scale is e^-2300, at
which the constants of Appendix D leave something to judge: t_2 is before tau, and the misalignment
that the theorem allows is below what a flow resolves. The flow is integrated as it is, without the
closed forms of its negligible phase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_most, none_of, number
from flowrepro.core.config import Loss
from flowrepro.core.network import output_gradient
from flowrepro.core.trajectory import Study
from flowrepro.engines.flow.flow import integrate
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.arrangement import arrangement
from flowrepro.theory.arrangement_constants import alignment_constants, generic_position
from flowrepro.theory.arrangement_extremal import Extremal, Kind, extremal_vectors, subgradients
from flowrepro.theory.stationary import HALF_MEAN_SQUARE, force

topic = Topic(PAPER, "Theorem 1 in other settings")
EPS = 0.3
"""eps of the theorems, below 1/3."""
MOST_DRAWS = 500
"""Draws of the points that are tried for a setting."""
RESOLVED = 1e-6
"""Misalignment over D_max that the flow resolves at its tolerance, 1e-8."""
NOTHING = 1e-12
"""||w|| / |a| of a neuron that has shrunk to w = 0 and stays there, as Condition 1 asks."""
TIMES = 12
"""Times up to tau at which output weights are looked at."""
LOSSES = {"square": HALF_MEAN_SQUARE, "logistic": Loss(name="logistic", reduction="mean")}


@topic.study
def early_alignment(
    *,
    dims: list[int] = option([2, 3], "dimensions", within=(2, 6)),
    slopes: list[float] = option([0.0, 0.4], "slopes of the leaky part", within=(0, 0.99)),
    losses: list[str] = option(list(LOSSES), "losses", choices=tuple(LOSSES)),
    sets: int = option(6, "sets of points of each setting", within=(1, 100)),
    m: int = option(40, "neurons", within=(1, 10_000)),
    ln_scale: float = option(-2300.0, "ln lambda", within=(-1e6, -1.0)),
    alpha0: float = option(0.5, "alpha_0 of Condition 1", within=(1e-3, 1.0)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Random points that satisfy the hypotheses, a dominated start, and its state at tau; (s,).

    d, slope, logistic, saddles : the setting, and the saddle points of G. vectors : extremal ones.
    settles : bound of t_2 over tau. log10_bound : of the misalignment over D_max, the largest of
    the extremal vectors. growth : largest |ln |a^t/a^0|| / (2 eps |ln lambda|) up to tau. dominated
    : largest ||w|| / |a|. judged : neurons of Condition 1, or of <D, w/a> > 0 where G has a saddle
    point. inactive, aligned : where they end, at an extremal vector of the sign of a. extremal :
    whose D is a maximum (a > 0) or minimum of G. misalignment : largest (||D|| - <D, w/a>) / D_max
    of the aligned ones.
    """
    settings = [(d, slope, loss) for d in dims for slope in slopes for loss in losses]
    trials = admitted_trials(settings, sets, ln_scale, alpha0, seed, progress)
    found = [trial.followed(m) for trial in trials]
    return {name: np.array([each[name] for each in found]) for name in Trial.NAMES}


def admitted_trials(
    settings: Sequence[tuple[int, float, str]], sets: int, ln_scale: float, alpha0: float,
    seed: int, progress: Progress,
) -> Iterator[Trial]:  # fmt: skip
    """``sets`` draws that are admitted of each setting (d, slope, loss), or fewer."""
    for k, (d, slope, loss) in enumerate(settings):
        rng = np.random.default_rng((seed, k))
        kept = 0
        for _ in range(MOST_DRAWS):
            trial = Trial(rng, d, slope, LOSSES[loss], ln_scale, alpha0)
            if trial.admitted:
                yield trial
                kept += 1
            if kept == sets:
                break
        progress(k + 1, len(settings))


class Trial:
    """One draw of d + 1 points with random signs, its cones, constants and extremal vectors."""

    NAMES = ("d", "slope", "logistic", "saddles", "vectors", "settles", "log10_bound", "growth",
             "dominated", "judged", "inactive", "aligned", "extremal", "misalignment")  # fmt: skip

    def __init__(
        self, rng: np.random.Generator, d: int, slope: float, loss: Loss, ln_scale: float,
        alpha0: float,
    ) -> None:  # fmt: skip
        self.rng, self.slope, self.loss, self.ln_scale = rng, slope, loss, ln_scale
        self.alpha0 = alpha0
        X = rng.standard_normal((d + 1, d))
        self.X = X / np.linalg.norm(X, axis=1)[:, None]
        self.y = rng.choice([-1.0, 1.0], d + 1)
        self.g = -output_gradient(loss, np.zeros(d + 1), self.y)
        cones = arrangement(self.X)
        self.forces = forces = subgradients(cones, self.g, slope)
        self.extremal = extremal_vectors(forces)
        self.saddles = sum(each.kind is Kind.SADDLE for each in self.extremal)
        constants = alignment_constants(forces)
        self.largest = constants.largest
        self.tau = constants.alignment_time(1.0, EPS) - EPS * ln_scale / self.largest
        self.settles = constants.settling_bound(alpha0 if not self.saddles else 1.0) / self.tau
        slowest = min((float(np.linalg.norm(each.D)) for each in self.extremal), default=0.0)
        self.log10_bound = constants.log10_misalignment(alpha0 if not self.saddles else 1.0) + (
            EPS * ln_scale * slowest / self.largest / np.log(10)
        )
        self.generic = min(generic_position(cones, forces))

    @property
    def admitted(self) -> bool:
        """Assumption 2 with room to spare; t_2 before tau; a bound below what is resolved."""
        return bool(
            self.generic > 1e-3
            and self.settles < 1
            and self.log10_bound - np.log10(self.largest) < np.log10(RESOLVED)
        )

    def followed(self, m: int) -> dict[str, float]:
        """The numbers of `early_alignment`."""
        d = self.X.shape[1]
        W, a, rows = self.flow(m, self.tau * np.arange(1, TIMES + 1) / TIMES)
        ln_a = rows[..., 0] + np.log(np.abs(rows[..., -1])) - self.ln_scale + np.log(m) / 2
        out = rows[..., 1:-1] / rows[..., -1:]
        D = force(self.X, -self.g, W, self.slope)
        start = np.sum(D * W, axis=1) / a
        lowest = 0.0 if self.saddles else -np.sqrt(1 - self.alpha0**2)
        judged = start > lowest * np.linalg.norm(D, axis=1)
        ends = [self._end(w, sign) for w, sign in zip(out[-1][judged], a[judged], strict=True)]
        gaps = [gap for gap, _ in ends if gap is not None]
        aligned = [(gap, kind) for gap, kind in ends if gap is not None and gap <= 1e-2]
        return {
            "d": d,
            "slope": self.slope,
            "logistic": float(self.loss.name == "logistic"),
            "saddles": self.saddles,
            "vectors": len(self.extremal),
            "settles": self.settles,
            "log10_bound": self.log10_bound - np.log10(self.largest),
            "growth": np.abs(ln_a).max() / (-2 * EPS * self.ln_scale),
            "dominated": np.linalg.norm(out, axis=-1).max(),
            "judged": int(judged.sum()),
            "inactive": len(ends) - len(gaps),
            "aligned": len(aligned),
            "extremal": sum(kind for _, kind in aligned),
            "misalignment": max((gap for gap, _ in aligned), default=0.0),
        }

    def flow(self, m: int, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Start W (m, d) with ||w|| <= 1, a (m,) of size 1, and the states of the flow, (T, m, 2 +
        d).
        """
        W = self.rng.standard_normal((m, self.X.shape[1]))
        W *= (self.rng.random(m) / np.linalg.norm(W, axis=1))[:, None]
        a = self.rng.choice([-1.0, 1.0], m)
        size = 1 / np.sqrt(m)
        flow = integrate(
            self.X, self.y, size * W, size * a, self.loss, times, self.slope,
            ln_scale=self.ln_scale, fast=False,
        )  # fmt: skip
        return W, a, flow.Y

    def _end(self, w: np.ndarray, sign: float) -> tuple[float | None, bool]:
        """Misalignment over D_max of w/a from the nearest extremal vector of the sign, and whether
        that is an extremum of G; None for a neuron without force.
        """
        size = float(np.linalg.norm(w))  # it stops where it loses its last datum, or at w = 0
        if self.slope == 0 and (size < NOTHING or np.all(sign * (self.X @ w) <= RESOLVED * size)):
            return None, False
        wanted = Kind.MAXIMUM if sign > 0 else Kind.MINIMUM

        def gap(each: Extremal) -> float:
            return float(np.linalg.norm(w - each.D / np.linalg.norm(each.D)))

        nearest = min((each for each in self.extremal if each.sign == sign), key=gap, default=None)
        if nearest is None:
            return np.inf, False
        norm = float(np.linalg.norm(nearest.D))
        far = gap(nearest) > 0.1
        misalignment = np.inf if far else (norm - float(nearest.D @ w)) / self.largest
        return misalignment, nearest.kind is wanted


OTHER_SETTINGS = early_alignment.case(
    "early-alignment",
    "Theorems 1 and 3 on random points: leaky slopes, the logistic loss, several extremal vectors, "
    "three dimensions.",
    quick={"options.sets": 1},
)


def _judged(result: Study, saddles: bool) -> dict[str, np.ndarray]:
    """The sets with, or without, saddle points of G; NotApplicable where there is none."""
    chosen = (result.arrays["saddles"] > 0) == saddles
    if not chosen.any():
        require("no set of points of this kind satisfies the hypotheses; raise options.sets")
    return {name: array[chosen] for name, array in result.arrays.items()}


def _aligned(arrays: dict[str, np.ndarray]) -> Iterator[Part]:
    """Neurons that end elsewhere, and the largest misalignment of the others."""
    astray = arrays["judged"] - arrays["inactive"] - arrays["aligned"]
    yield none_of("neurons that end at no extremal vector and are active", int(astray.sum()))
    misalignment = float(arrays["misalignment"].max())
    yield at_most("largest misalignment / D_max", misalignment, RESOLVED)
    yield number("log10 of what the theorem allows, at most", arrays["log10_bound"].max())
    yield number("neurons", arrays["judged"].sum())
    yield number("of them inactive at tau", arrays["inactive"].sum())
    yield number("sets of points", len(arrays["d"]))
    for note, kind in (
        ("with several extremal vectors", arrays["vectors"] > 1),
        ("with a leaky slope", arrays["slope"] > 0),
        ("with the logistic loss", arrays["logistic"] > 0),
        ("in three dimensions or more", arrays["d"] > 2),
    ):
        yield number(note, int(kind.sum()))


@topic.claim(
    "theorem-1-i-other-settings",
    "Until tau output weights change by a factor of at most lambda^(-2 eps), also for leaky "
    "slopes, the logistic loss and in three dimensions.",
    place="Theorem 1 (i), Theorem 3 (i)",
    on=(OTHER_SETTINGS,),
)
def output_weights(result: Study) -> Iterable[Part]:
    """Over all sets and neurons, with and without Condition 1."""
    if not len(result.arrays["growth"]):
        require("no set of points satisfies the hypotheses at this scale; lower options.ln_scale")
    yield at_most("largest |ln |a/a0|| / (2 eps |ln lambda|)", result.arrays["growth"].max(), 1.0)
    yield at_most("largest ||w|| / |a|", result.arrays["dominated"].max(), 1.0 + RESOLVED)


@topic.claim(
    "theorem-1-ii-other-settings",
    "Where G has no saddle point, neurons under Condition 1 are inactive or aligned with a maximum "
    "(a > 0) or a minimum (a < 0) of G at tau, also for leaky slopes, the logistic loss, several "
    "extremal vectors and in three dimensions.",
    place="Theorem 1 (ii)",
    on=(OTHER_SETTINGS,),
)
def aligned(result: Study) -> Iterable[Part]:
    """Over the sets without saddle points; t_2 is before tau there."""
    arrays = _judged(result, saddles=False)
    yield from _aligned(arrays)
    wrong = int(np.sum(arrays["aligned"] - arrays["extremal"]))
    yield none_of("neurons at a critical point of the other kind", wrong)
    yield number("bound of t_2 / tau, at most", arrays["settles"].max())


@topic.claim(
    "theorem-3-other-settings",
    "Where G has saddle points, neurons with <D, w/a> > 0 are aligned with an extremal vector at "
    "tau.",
    place="Theorem 3 (ii), Condition 2",
    on=(OTHER_SETTINGS,),
)
def aligned_beside_saddles(result: Study) -> Iterable[Part]:
    """Over the sets with saddle points. That flows from random starts satisfy the second point of
    Condition 2 is the claim condition-2-stays.
    """
    arrays = _judged(result, saddles=True)
    yield from _aligned(arrays)
    yield none_of("inactive neurons", int(arrays["inactive"].sum()))
