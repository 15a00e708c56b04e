r"""Descent on a classification loss far below the smallest double, in PyTorch on the CPU or a GPU.

The protocol is that of the compiled "gd" (lyu2021, Appendix J), for all points or mini-batches. A
*pass* is one step on all points, or an epoch of SGD. Passes have the step size lr until L < weight
ln 2, and from then on the loss-based one

    eta = H / (weight S),   S = sum_i -l'(q_i) at the start of the pass,

where H grows by a tenth after a pass that lowers ln L enough, and a pass that does not is taken
back and made again, in another order, with half of it. The loss of a pass is divided by its S,

    F = sum_i l(q_i) / S,   -grad F = sum_i p_i grad q_i,   p_i = exp(ln -l'(q_i) - ln S),

so that nothing underflows; autograd differentiates the margins q. The weights, which grow like
sqrt(q), stay as they are. A batch of b points stands for all n: it counts n / b fold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from flowrepro.core.models import TwoLayer
from flowrepro.engines.batches import Batches
from flowrepro.engines.log_domain.kernel import (
    DIVERGED,
    EVALUATIONS,
    FAR,
    LN_LN_2,
    LN_S,
    LN_SUM,
    LN_T,
    MAX_STEPS,
    N_COLUMNS,
    N_TALLIES,
    Q_MIN,
    REACHED,
    REJECTED,
    RHO_SQUARED,
    STATIONARY,
    STEP,
    TINY,
    UNDERFLOW,
    S,
    tallies,
    watch,
)
from flowrepro.engines.log_domain.late_run import Classification
from flowrepro.engines.torch_device import (
    exact_arithmetic,
    faults_named,
    one_thread,
    resolve_device,
)

GROW, SHRINK, ENOUGH = 1.1, 0.5, 0.5
"""Factors of H after a pass, and the share of the first-order fall of ln L that is enough."""

Marched = tuple[int, np.ndarray, np.ndarray, dict[str, float]]
"""Status (of ``kernel.py``), columns (R, N_COLUMNS), states (R, d + 1, m), counts."""


def ln_loss(q: Tensor, exponential: bool) -> Tensor:
    """Ln l(q), of the shape of q."""
    if exponential:
        return -q
    return torch.where(q > FAR, -q - 0.5 * torch.exp(-q), torch.log(-logsigmoid(q)))


def squares(parts: Sequence[Tensor]) -> Tensor:
    """The sum of the squares of all entries, a scalar."""
    return torch.stack([part.square().sum() for part in parts]).sum()


class _Net:
    """The module, its points on a device, and what is known at its weights."""

    def __init__(self, task: Classification, W: np.ndarray, a: np.ndarray, place: torch.device):
        start = W.astype(np.float64), a.astype(np.float64)
        self.model = TwoLayer(*start, alpha=task.alpha).to(place)
        self.weights = list(self.model.parameters())
        self.X, self.y = (
            torch.from_numpy(np.array(array, dtype=np.float64)).to(place)
            for array in (task.X, task.y)
        )
        self.exponential = task.loss == "exp"

    def margins(self, rows: Tensor | None = None) -> Tensor:
        """q_i = y_i f(x_i) of some points or all, with their graph."""
        X, y = (self.X, self.y) if rows is None else (self.X[rows], self.y[rows])
        f: Tensor = self.model(X)
        return y * f

    def ln_slopes(self, q: Tensor) -> Tensor:
        """Ln -l'(q), of the shape of q."""
        return -q if self.exponential else logsigmoid(-q)

    def look(self, now: np.ndarray) -> Tensor:
        """Fill what ``now`` holds of the weights; the margins q (n,) with their graph."""
        q = self.margins()
        with torch.no_grad():
            ln_l = ln_loss(q, self.exponential)
            sums = torch.logsumexp(torch.stack([self.ln_slopes(q), ln_l]), dim=1)
            found = torch.stack([*sums, q.min(), squares(self.weights)])
            now[[LN_S, LN_SUM, Q_MIN, RHO_SQUARED]] = found.tolist()
        return q

    def ascent(self, q: Tensor, ln_S: float) -> tuple[Tensor, ...]:
        """-grad F of the points that have these margins, which are counted as all."""
        with torch.no_grad():
            p = torch.exp(self.ln_slopes(q) - ln_S) * (len(self.y) / len(q))
        return torch.autograd.grad(q, self.weights, p)

    def move(self, h: float, g: Sequence[Tensor]) -> None:
        """Add h g to the weights."""
        with torch.no_grad():
            for weight, direction in zip(self.weights, g, strict=True):
                weight.add_(direction, alpha=h)

    def take_back(self, kept: Sequence[Tensor]) -> None:
        """The weights become ``kept``."""
        with torch.no_grad():
            for weight, before in zip(self.weights, kept, strict=True):
                weight.copy_(before)

    def state(self) -> np.ndarray:
        """Theta (d + 1, m)."""
        W, a = (weight.detach().cpu().numpy() for weight in self.weights)
        return np.vstack([W.T, a])


def march_torch(
    task: Classification,
    W: np.ndarray,
    a: np.ndarray,
    levels: np.ndarray,
    *,
    lr: float,
    device: str,
    batch_size: int | None,
    seed: int,
    max_steps: int,
    pulse: Callable[[], None],
) -> Marched:
    """From W (m, d), a (m,) to the last level of min q; records as `kernel.march` keeps them.

    ``seed`` drives the mini-batches only. ``pulse`` is called before every pass; it may raise.
    """
    place, _ = resolve_device(device)
    with faults_named(place), exact_arithmetic(place), one_thread():
        return _march(
            _Net(task, W, a, place),
            Batches(len(task.y), batch_size, seed),
            task.ln_weight,
            levels,
            lr,
            max_steps,
            pulse,
        )


def _march(
    net: _Net,
    batches: Batches,
    ln_weight: float,
    levels: np.ndarray,
    lr: float,
    max_steps: int,
    pulse: Callable[[], None],
) -> Marched:
    now, tally = np.zeros(N_COLUMNS), np.zeros(N_TALLIES)
    now[LN_T] = -np.inf
    q = net.look(now)
    g = net.ascent(q, now[LN_S])
    columns, states, status, H, passes = [now], [net.state()], REACHED, 0.0, 0
    separated, met = now[LN_SUM] < LN_LN_2, int(np.sum(levels <= now[Q_MIN]))
    steps = batches.per_epoch
    while met < len(levels):
        pulse()
        h = H or lr * float(np.exp(now[LN_S] + ln_weight))
        slope = float(squares(g))
        if not h * h * slope > TINY * now[RHO_SQUARED]:
            status = STATIONARY if slope == 0.0 else UNDERFLOW if np.isfinite(slope) else DIVERGED
            break
        if now[STEP] + steps > max_steps:
            status = MAX_STEPS
            break
        kept = [weight.detach().clone() for weight in net.weights]
        for k in range(passes * steps, (passes + 1) * steps):
            rows = batches.rows(k)
            if rows is not None:
                chosen = torch.from_numpy(rows).to(net.y.device)
                net.move(h, net.ascent(net.margins(chosen), now[LN_S]))
            else:
                net.move(h, g)
        passes += 1
        trial = now.copy()
        q = net.look(trial)
        if not np.isfinite(trial[LN_SUM]):
            net.take_back(kept)
            status = DIVERGED
            break
        if separated and trial[LN_SUM] > now[LN_SUM] - ENOUGH * steps * h * slope:
            net.take_back(kept)
            H = SHRINK * h
            tally[REJECTED] += steps
            continue
        H = GROW * h if separated else 0.0
        watch(net.exponential, tally, now, trial)
        trial[[STEP, S]] += steps, steps * h
        trial[LN_T] = np.logaddexp(now[LN_T], np.log(steps * h) - ln_weight - now[LN_S])
        now, g = trial, net.ascent(q, trial[LN_S])
        passed = max(met, int(np.sum(levels <= now[Q_MIN])))
        if passed > met or (not separated and now[LN_SUM] < LN_LN_2):
            columns.append(now)
            states.append(net.state())
        met, separated = passed, separated or bool(now[LN_SUM] < LN_LN_2)
    if columns[-1] is not now:
        columns.append(now)
        states.append(net.state())
    tally[EVALUATIONS] = 1 + passes * (1 if steps == 1 else steps + 1)
    return status, np.array(columns), np.array(states), tallies(tally)
