"""Random nets, the orthogonal toy with its closed forms, and explicit Euler, for the tests of the
flow.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from flowrepro.bench.flow import stall_problem as stall
from flowrepro.core.config import Loss
from flowrepro.core.network import gradient
from flowrepro.engines.flow.flow import FlowResult

HALF_MSE = Loss(name="square", reduction="mean")
LOGISTIC = Loss(name="logistic", reduction="mean")
Case = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def two_ways() -> Case:
    """An unbalanced net in which a_3 changes sign while neuron 3 slides: the flow is not unique
    from there on.
    """
    X, y, W, _ = stall(17, 0.5)
    return X, y, W, 0.1 * np.random.default_rng(17).standard_normal(8)


def dominated(seed: int, d: int = 2) -> Case:
    """|a| > ||w||; in d = 2 some neurons run into w = 0."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((5, d)), rng.standard_normal(5)
    W = 0.2 * rng.uniform(-1, 1, (8, d))
    return X, y, W, rng.choice([-1.0, 1.0], 8) * 0.2 * np.sqrt(2)


def difference(left: FlowResult, right: FlowResult) -> float:
    """Largest absolute difference of W and a at the ends of two runs."""
    return max(float(np.abs(p - q).max()) for p, q in zip(left.weights(), right.weights(), strict=True))


def euler(
    case: Case, h: float, horizon: float, loss: Loss = HALF_MSE, alpha: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """W, a after explicit Euler steps h of the flow."""
    X, y, W, a = case
    for _ in range(round(horizon / h)):
        gW, ga = gradient(X, y, W, a, loss, alpha)
        W, a = W - h * gW, a - h * ga
    return W, a


def patterns(normal: np.ndarray, jump: np.ndarray, base: np.ndarray, sign: float) -> list[np.ndarray]:
    """Regular velocities D on an intersection of planes, by trying every side or sliding of every
    plane.

    Repelling planes at vertices, attracting ones anywhere; each pattern is kept if it is
    consistent.
    """
    found = []
    for pattern in product((0, 1, 2), repeat=len(jump)):
        sliding = [p for p, way in enumerate(pattern) if way == 2]
        if any(sign * jump[p] >= 0 for p in sliding):
            continue
        mu = np.array([1.0 if way == 1 else 0.0 for way in pattern])
        D = base + (mu * jump) @ normal
        if sliding:
            N = normal[sliding]
            force = -np.linalg.solve(N @ N.T, N @ D)
            mu[sliding] = force / jump[sliding]
            D = D + force @ N
        zdot = sign * normal @ D
        consistent = all(
            0 < mu[p] < 1 if way == 2 else (zdot[p] > 0 if way == 1 else zdot[p] < 0) for p, way in enumerate(pattern)
        )
        if consistent:
            found.append(D)
    return found


TOY_X = np.array([[-0.5, 1.0], [2.0, 1.0]])
TOY_Y = np.array([-1.0, 1.0])
TOY_RATE = {1: np.sqrt(5) / 2, -1: np.sqrt(1.25) / 2}
TOY_MASS = {1: 1 / np.sqrt(5), -1: 1 / np.sqrt(1.25)}


def toy_start(seed: int, m: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Balanced unit-scale neurons of the two-point toy (boursier2022 eq 4)."""
    rng = np.random.default_rng(seed)
    g = rng.standard_normal((m, 2))
    s = np.where(rng.random(m) < 0.5, -1.0, 1.0)
    return g, s * np.linalg.norm(g, axis=1)


def toy_closed_form(g: np.ndarray, a: np.ndarray, ll: float) -> tuple[dict[int, float], np.ndarray, np.ndarray]:
    """Half-fit times of both signs, event times, and the class (-1, 0, 1) of each neuron
    (boursier2022 Section 4, h negligible).

    While its mask is A, a' = <D_A, w>, w' = a D_A: hyperbolic functions of ||D_A|| t; a point of
    the wrong sign is met at a root E = e^(||D_A|| t) > 1 of a quadratic. After the last event
    ||w_j|| ~ kappa_j e^(||D|| t) / e^ll.
    """
    kappa, group, events = np.zeros(len(a)), np.zeros(len(a), dtype=int), []
    for j, (w, b) in enumerate(zip(g, a, strict=True)):
        s, mask, tau = int(np.sign(b)), g[j] @ TOY_X.T > 0, 0.0
        wrong = 0 if s > 0 else 1
        if mask[wrong]:
            D = TOY_Y[mask] / 2 @ TOY_X[mask]
            R = np.linalg.norm(D)
            p, reach, z = D @ w / R, D @ TOY_X[wrong] / R, w @ TOY_X[wrong]
            roots = np.roots([(p + b) / 2 * reach, z - reach * p, (p - b) / 2 * reach])
            roots = roots[np.isreal(roots) & (roots.real > 1)].real
            tau = np.log(roots.min()) / R
            events.append(tau)
            grown = p * np.cosh(R * tau) + b * np.sinh(R * tau)
            w, b = w + (grown - p) * D / R, b * np.cosh(R * tau) + p * np.sinh(R * tau)
        own = 1 - wrong
        if mask[own]:
            D = TOY_Y[own] / 2 * TOY_X[own]
            R = np.linalg.norm(D)
            kappa[j], group[j] = abs(b + D @ w / R) * np.exp(-R * tau) / 2, s
    times = {s: (ll + 0.5 * np.log(TOY_MASS[s] / np.sum(kappa[group == s] ** 2))) / TOY_RATE[s] for s in (1, -1)}
    return times, np.sort(events), group


STEWART_X = """-.8904 -.8120 -.7210 -.7030 -.6784 -.6337 -.6073 -.4711 -.3754 -.2733 -.2253 -.1747 -.1345
-.1150 -.0952 -.0741 -.0634 -.0355 .0602 .0638 .0911 .1030 .1544 .4012 .4050 .4099 .4170 .4238
.4301 .4356 .4599 .4760 .5101 .5387 .6780 .7152 .7998 .8989 .9723 .9774"""


def stewart_points() -> tuple[np.ndarray, np.ndarray]:
    """Forty points on a piecewise linear teacher, bias included (boursier2024 Figure 3): many
    sliding neurons.
    """
    x = np.array(STEWART_X.split(), dtype=np.float64)
    y = np.interp(x, [-1, -0.7, -0.55, -0.4, 0, 0.5, 0.6, 0.7, 1], [0, 0.7, 0.5, 1, 0, 1, 0.6, 0.7, 0])
    return np.column_stack([x, np.ones(40)]), y
