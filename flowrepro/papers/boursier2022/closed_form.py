r"""Closed forms of the flow on orthogonal inputs from a small balanced start, from the initial draw alone.

While the network output is negligible, neuron j with active set A obeys |a|' = s <D_A, w>, w' = |a| s D_A with
D_A = (1/n) sum_{k in A} y_k x_k. In v = s D_A / ||D_A||, with b = |a| and p = <v, w>:

    b(t) = b cosh(Dt) + p sinh(Dt),   p(t) = p cosh(Dt) + b sinh(Dt),   components orthogonal to D_A stay.

A sample of the wrong sign leaves A when <w, x_k> = 0; after the last event at time tau, ||w_j(t)|| ~ kappa_j e^{Dt}
with kappa_j = (b + p) e^{-D tau} / 2. The growth of the two classes then saturates logistically (boursier2022 Section 4.2):
u' = 2 d (1 - u / W) u for u = sum ||w_j||^2 over S, with d = ||D||, so u(t) = W / (1 + exp(-2 d (t - T))).
The saturation and its limit need equal input norms within each class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowrepro.papers.boursier2022.sign_classes import SignClass, sign_classes


@dataclass(frozen=True)
class ClosedForm:
    """The closed-form run that starts at (W, a).

    classes : the two sign classes, faster first.
    members : (2, m) masks of S of each class.
    kappa : (m,) growth factors of the start divided by e^log_scale.
    """

    classes: tuple[SignClass, ...]
    members: np.ndarray
    kappa: np.ndarray
    log_scale: float
    signs: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> ClosedForm:
        """From points X (n, d), y (n,) with orthogonal X and labels of both signs, and a balanced non-zero start."""
        classes = sign_classes(X, y)
        scale = float(np.abs(W).max())
        members = np.stack([chosen.members(W, a) for chosen in classes])
        return cls(classes, members, growth_factors(X, y, W / scale, a / scale), float(np.log(scale)), np.sign(a))

    @property
    def half_times(self) -> np.ndarray:
        """(T_fast, T_slow): flow times at which u = W/2 in each class; inf for an empty S."""
        total = np.array([np.sum(np.square(self.kappa[chosen])) for chosen in self.members])
        weights = np.array([chosen.weight for chosen in self.classes])
        safe = np.where(total > 0, total, 1.0)
        return np.where(total > 0, (0.5 * np.log(weights / safe) - self.log_scale) / self.rates, np.inf)

    @property
    def rates(self) -> np.ndarray:
        """(d_fast, d_slow)."""
        return np.array([chosen.rate for chosen in self.classes])

    def descent_clock(self, dt: float) -> np.ndarray:
        """d T / (growth per step) of each class: a descent with dt units of flow time per step multiplies by 1 + dt d."""
        return self.half_times * self.rates / np.log1p(dt * self.rates)  # type: ignore[no-any-return]

    def fitted(self, step: np.ndarray, dt: float) -> np.ndarray:
        """u / W of each class at descent steps (T,), shape (2, T)."""
        exponent = 2.0 * np.log1p(dt * self.rates)[:, None] * (step - self.descent_clock(dt)[:, None])
        return 1.0 / (1.0 + np.exp(np.clip(-exponent, -700.0, 700.0)))  # type: ignore[no-any-return]

    def mse(self, step: np.ndarray, dt: float) -> np.ndarray:
        """(1/n) sum_k (f(x_k) - y_k)^2 at descent steps (T,)."""
        shares = np.array([np.sum(np.square(chosen.y)) / chosen.n for chosen in self.classes])
        return shares @ np.square(1.0 - self.fitted(step, dt))

    def saddle(self) -> tuple[np.ndarray, np.ndarray]:
        """theta_S as (W, a): the faster class fitted with least norm, every other neuron zero   (Fact 1)."""
        return self._grown(self.members[:1])

    def minimiser(self) -> tuple[np.ndarray, np.ndarray]:
        """theta* as (W, a): the least-norm interpolator the flow tends to as lambda -> 0   (Lemma 12)."""
        return self._grown(self.members)

    def _grown(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        W = np.zeros((len(self.kappa), self.classes[0].X.shape[1]))
        for chosen, mask in zip(self.classes, members, strict=False):
            share = self.kappa[mask] / np.sqrt(np.sum(np.square(self.kappa[mask])))
            W[mask] = np.sqrt(chosen.weight) * share[:, None] * chosen.direction / chosen.rate
        return W, self.signs * np.linalg.norm(W, axis=1)


def growth_factors(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """kappa_j (m,) of every neuron of a balanced start W (m, d), a (m,); ||w_j|| where nothing is left to drive it."""
    return np.array([early_growth(X, y, w, out)[0] for w, out in zip(W, a, strict=True)])


def early_growth(X: np.ndarray, y: np.ndarray, w: np.ndarray, out: float) -> tuple[float, float]:
    """(kappa, tau) of one neuron w (d,), a = out: growth factor and time of its last deactivation (0 if none)."""
    pull = np.sign(out) * y / len(y)
    b, w, active, tau = abs(out), w.copy(), X @ w > 0, 0.0
    while True:
        drive = (pull * active) @ X
        D = float(np.linalg.norm(drive))
        if D == 0.0:
            return float(np.linalg.norm(w)), tau
        p = float(drive @ w) / D
        leaving, k = min(
            ((_crossing(b, p, float(X[k] @ w) * D / (pull[k] * (X[k] @ X[k]))), int(k)) for k in np.flatnonzero(active & (pull < 0))), default=(np.inf, -1)
        )
        if not np.isfinite(leaving):
            return (b + p) * float(np.exp(-D * tau)) / 2, tau
        b, moved = ((b + p) * leaving + (b - p) / leaving) / 2, ((b + p) * leaving - (b - p) / leaving) / 2
        w = w + (moved - p) * drive / D
        active[k] = False
        tau += float(np.log(leaving)) / D


def _crossing(b: float, p: float, q: float) -> float:
    """E = e^{Dt} > 1 at which q + p(t) - p = 0, q < 0 <= b + p: the smallest root > 1 of (b+p) E^2 - 2 (p-q) E + (p-b); inf if none."""
    if b + p <= 0.0:
        return float("inf")
    root = np.sqrt(max(0.0, (p - q) ** 2 - (b + p) * (p - b)))
    candidates = [E for E in ((p - q - root) / (b + p), (p - q + root) / (b + p)) if E > 1.0]
    return float(min(candidates, default=float("inf")))
