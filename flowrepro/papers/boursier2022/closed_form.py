r"""Closed forms of the flow on orthogonal inputs, from a small balanced initial draw alone.

While the network output is negligible, neuron j with active set A obeys |a|' = s <D_A, w>,
w' = |a| s D_A with D_A = (1/n) sum_{k in A} y_k x_k. In v = s D_A / ||D_A||, with b = |a| and
p = <v, w>:

    b(t) = b cosh(Dt) + p sinh(Dt),   p(t) = p cosh(Dt) + b sinh(Dt),   the rest of w stays.

A sample of the wrong sign leaves A when <w, x_k> = 0. After the last event, at time tau,
||w_j(t)|| ~ kappa_j e^{Dt} with kappa_j = (b + p) e^{-D tau} / 2. The growth of the two classes
then saturates logistically (boursier2022 Section 4.2): u' = 2 d (1 - u / W) u for u = sum ||w_j||^2
over S, with d = ||D||, so u(t) = W / (1 + exp(-2 d (t - T))). The saturation and its limit need
equal input norms within each class.
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
        """From orthogonal X (n, d), labels y (n,) of both signs, and a balanced non-zero start."""
        return cls.of_many(X, y, W[None], a[None])[0]

    @classmethod
    def of_many(
        cls, X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray
    ) -> list[ClosedForm]:
        """As `of` for R starts W (R, m, d), a (R, m)."""
        classes = sign_classes(X, y)
        scale = np.abs(W).max(axis=(1, 2))
        flat = W.reshape(-1, W.shape[2]), a.reshape(-1)
        members = np.stack([chosen.members(*flat).reshape(a.shape) for chosen in classes], axis=1)
        unit = (W / scale[:, None, None]).reshape(flat[0].shape), (a / scale[:, None]).reshape(-1)
        kappa = early_growth(X, y, *unit)[0].reshape(a.shape)
        return [
            cls(classes, *start)
            for start in zip(members, kappa, map(float, np.log(scale)), np.sign(a), strict=True)
        ]

    @property
    def half_times(self) -> np.ndarray:
        """(T_fast, T_slow): flow times at which u = W/2 in each class; inf for an empty S."""
        total = np.array([np.sum(np.square(self.kappa[chosen])) for chosen in self.members])
        weights = np.array([chosen.weight for chosen in self.classes])
        safe = np.where(total > 0, total, 1.0)
        return np.where(
            total > 0, (0.5 * np.log(weights / safe) - self.log_scale) / self.rates, np.inf
        )

    @property
    def rates(self) -> np.ndarray:
        """(d_fast, d_slow)."""
        return np.array([chosen.rate for chosen in self.classes])

    def growth(self, dt: float, flow: bool = False) -> np.ndarray:
        """Growth of ln ||w|| of each class in dt units of flow time, (2,).

        dt d for the flow, ln(1 + dt d) for a step of descent.
        """
        return dt * self.rates if flow else np.log1p(dt * self.rates)

    def half_steps(self, growth: np.ndarray) -> np.ndarray:
        """Step at which each class is half fitted, d T / (growth per step)."""
        return self.half_times * self.rates / growth  # type: ignore[no-any-return]

    def fitted(self, step: np.ndarray, growth: np.ndarray) -> np.ndarray:
        """u / W of each class at steps (T,), shape (2, T), for the growth per step."""
        exponent = 2.0 * growth[:, None] * (step - self.half_steps(growth)[:, None])
        return 1.0 / (1.0 + np.exp(np.clip(-exponent, -700.0, 700.0)))  # type: ignore[no-any-return]

    def mse(self, step: np.ndarray, growth: np.ndarray) -> np.ndarray:
        """(1/n) sum_k (f(x_k) - y_k)^2 at steps (T,), for the growth per step."""
        shares = np.array([np.sum(np.square(chosen.y)) / chosen.n for chosen in self.classes])
        return shares @ np.square(1.0 - self.fitted(step, growth))

    def saddle(self) -> tuple[np.ndarray, np.ndarray]:
        """theta_S as (W, a): the faster class fitted with least norm, all else zero   (Fact 1)."""
        return self._grown(self.members[:1])

    def minimiser(self) -> tuple[np.ndarray, np.ndarray]:
        """theta* as (W, a): the least-norm interpolator, the limit for lambda -> 0   (Lemma 12)."""
        return self._grown(self.members)

    def _grown(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        W = np.zeros((len(self.kappa), self.classes[0].X.shape[1]))
        for chosen, mask in zip(self.classes, members, strict=False):
            share = self.kappa[mask] / np.sqrt(np.sum(np.square(self.kappa[mask])))
            W[mask] = np.sqrt(chosen.weight) * share[:, None] * chosen.direction / chosen.rate
        return W, self.signs * np.linalg.norm(W, axis=1)


def early_growth(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(kappa, tau), each (m,), of the neurons of a balanced start W (m, d), a (m,).

    kappa : growth factor, ||w_j|| where nothing is left to drive the neuron.
    tau : time of its last deactivation, 0 if there is none.
    """
    pull, b, W, active = np.sign(a)[:, None] * y / len(y), np.abs(a), W.copy(), X @ W.T > 0
    active, squared = active.T, np.sum(np.square(X), axis=1)
    kappa, tau, left = np.linalg.norm(W, axis=1), np.zeros(len(a)), np.arange(len(a))
    while left.size:
        drive = (pull[left] * active[left]) @ X
        D = np.linalg.norm(drive, axis=1)
        left, drive, D = left[D > 0], drive[D > 0], D[D > 0]  # kappa of the others is ||w_j||
        p = np.sum(drive * W[left], axis=1) / D
        leaves = active[left] & (pull[left] < 0)
        q = (W[left] @ X.T) * D[:, None] / np.where(leaves, pull[left] * squared, 1.0)
        growth = np.where(leaves, _crossing(b[left, None], p[:, None], q), np.inf)
        k, E = growth.argmin(axis=1), growth.min(axis=1)
        free = ~np.isfinite(E)
        kappa[left[free]] = (b[left] + p)[free] * np.exp(-D * tau[left])[free] / 2
        left, drive, D, p, k, E = left[~free], drive[~free], D[~free], p[~free], k[~free], E[~free]
        moved = ((b[left] + p) * E - (b[left] - p) / E) / 2
        b[left] = ((b[left] + p) * E + (b[left] - p) / E) / 2
        W[left] += ((moved - p) / D)[:, None] * drive
        active[left, k] = False
        tau[left] += np.log(E) / D
        kappa[left] = np.linalg.norm(W[left], axis=1)
    return kappa, tau


def _crossing(b: np.ndarray, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """E = e^{Dt} > 1 at which q + p(t) - p = 0, for q < 0 <= b + p; inf if there is none.

    The smallest root > 1 of (b+p) E^2 - 2 (p-q) E + (p-b).
    """
    root = np.sqrt(np.maximum(0.0, np.square(p - q) - (b + p) * (p - b)))
    roots = np.stack([(p - q - root), (p - q + root)]) / np.where(b + p > 0, b + p, np.nan)
    return np.where(roots > 1.0, roots, np.inf).min(axis=0)  # type: ignore[no-any-return]
