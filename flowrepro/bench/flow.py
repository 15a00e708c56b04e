"""The engine flow beside general adaptive solvers, on problems whose right-hand side jumps.

Both sides integrate the same gradient flow from the same weights to the same horizon. Right-hand
sides are counted, not seconds; a solver that asks for more than CAP is stopped. scipy is always
there; torchdiffeq and diffrax are compared where they are installed (the extra [bench]).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from flowrepro.bench.result import BenchResult
from flowrepro.core.config import Loss
from flowrepro.core.network import gradient

HORIZON = 60.0
CAP = 10_000
"""Right-hand sides after which a solver counts as stalled (ours needs about 1500, 5000 at most)."""
RTOL = 1e-6
HALF_MSE = Loss(name="square", reduction="mean")
Case = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Flow = Callable[[float, np.ndarray], np.ndarray]


class Outcome(NamedTuple):
    """One integration: right-hand sides, and the state (m (d+1),) at the horizon, None where it was
    not reached.
    """

    evaluations: int
    end: np.ndarray | None


class Stalled(Exception):
    """Raised by a counting right-hand side past CAP."""


def stall_problem(seed: int, scale: float, n: int = 5, d: int = 3, m: int = 8) -> Case:
    """X, y, W, a of a random balanced net; X, W, signs of a, then y from ``default_rng(seed)``."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    W = scale * rng.standard_normal((m, d))
    a = np.linalg.norm(W, axis=1) * rng.choice([-1.0, 1.0], m)
    return X, rng.standard_normal(n), W, a


def compare_flow(quick: bool) -> list[BenchResult]:
    """Mean right-hand sides of every solver beside ours at RTOL, with how many runs reach the
    horizon and how exactly.
    """
    cases = [
        stall_problem(seed, scale) for scale in (0.3, 0.01) for seed in range(1 if quick else 4)
    ]
    exact = [_ours(case, 1e-11).end for case in cases]
    ours = [_ours(case, RTOL) for case in cases]
    solvers = [(f"scipy {name}", _scipy(name)) for name in ("RK45", "DOP853", "LSODA")]
    solvers += [
        (name, solve)
        for name, solve in (("torchdiffeq dopri5", _torchdiffeq), ("diffrax Dopri5", _diffrax))
        if _installed(name)
    ]
    results = []
    for name, solve in solvers:
        theirs = [solve(case) for case in cases]
        note = f"{_said(ours, exact)}; {name}: {_said(theirs, exact)}, at most {CAP} allowed"
        ratio = _mean(theirs) / _mean(ours)
        results.append(
            BenchResult(
                f"{len(cases)} stall problems, rtol {RTOL:g}: {name} / flow",
                _mean(ours),
                _mean(theirs),
                "right-hand sides",
                ratio,
                ">= 1",
                note,
            )
        )
    absent = [name for name in ("torchdiffeq", "diffrax") if not _installed(name)]
    if absent:
        reason = f"not installed: {', '.join(absent)}; pip install 'flowrepro[bench]' brings them"
        results.append(
            BenchResult(
                "stall problems: other libraries",
                float("nan"),
                float("nan"),
                "right-hand sides",
                float("nan"),
                "",
                reason,
            )
        )
    return results


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name.partition(" ")[0]) is not None


def _mean(outcomes: Sequence[Outcome]) -> float:
    return float(np.mean([outcome.evaluations for outcome in outcomes]))


def _said(outcomes: Sequence[Outcome], exact: Sequence[np.ndarray | None]) -> str:
    errors = [
        float(np.abs(outcome.end - end).max())
        for outcome, end in zip(outcomes, exact, strict=True)
        if outcome.end is not None and end is not None
    ]
    worst = f", largest error {max(errors):.1e}" if errors else ""
    return f"{len(errors)} of {len(outcomes)} reach the horizon{worst}"


def _ours(case: Case, rtol: float) -> Outcome:
    from flowrepro.core.trajectory import StopReason
    from flowrepro.engines.flow.flow import integrate

    X, y, W, a = case
    result = integrate(X, y, W, a, HALF_MSE, HORIZON, rtol=rtol)
    reached = result.stop.reason is StopReason.HORIZON
    return Outcome(
        int(result.stats["gradient_evaluations"]),
        np.concatenate([np.ravel(part) for part in result.weights()]) if reached else None,
    )


def _counting(case: Case) -> tuple[Flow, np.ndarray, list[int]]:
    """The raw right-hand side -gradient with relu'(0) = 0, the start, and the counter;

    Stalled past CAP.
    """
    X, y, W, a = case
    m, d = W.shape
    count = [0]

    def flow(t: float, theta: np.ndarray) -> np.ndarray:
        count[0] += 1
        if count[0] > CAP:
            raise Stalled
        dW, da = gradient(X, y, theta[: m * d].reshape(m, d), theta[m * d :], HALF_MSE)
        return -np.concatenate([dW.ravel(), da])

    return flow, np.concatenate([W.ravel(), a]), count


def _scipy(method: str) -> Callable[[Case], Outcome]:
    def solve(case: Case) -> Outcome:
        from scipy.integrate import solve_ivp

        flow, start, count = _counting(case)
        try:
            answer = solve_ivp(
                flow, (0.0, HORIZON), start, method=method, rtol=RTOL, atol=1e-3 * RTOL
            )
        except Stalled:
            return Outcome(CAP, None)
        return Outcome(count[0], answer.y[:, -1] if answer.success else None)

    return solve


def _torchdiffeq(case: Case) -> Outcome:
    import torch
    from torchdiffeq import odeint

    flow, start, count = _counting(case)

    def right_hand_side(t: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(flow(float(t), theta.numpy()))

    try:
        with torch.no_grad():
            times = torch.tensor([0.0, HORIZON], dtype=torch.float64)
            answer = odeint(
                right_hand_side,
                torch.from_numpy(start),
                times,
                rtol=RTOL,
                atol=1e-3 * RTOL,
                method="dopri5",
            )
    except (Stalled, AssertionError):  # the latter is its "underflow in dt"
        return Outcome(min(count[0], CAP), None)
    return Outcome(count[0], answer[-1].numpy())


def _diffrax(case: Case) -> Outcome:
    import diffrax
    import jax
    import jax.numpy as jnp

    config: Any = jax.config
    config.update("jax_enable_x64", True)
    X, y, W, a = (jnp.asarray(array) for array in case)

    def right_hand_side(t: Any, theta: Any, args: Any) -> Any:
        W, a = theta
        Z = X @ W.T
        active = Z > 0
        g = (jnp.where(active, Z, 0.0) @ a - y) / len(y)
        return -a[:, None] * ((active * g[:, None]).T @ X), -(jnp.where(active, Z, 0.0).T @ g)

    control = diffrax.PIDController(rtol=RTOL, atol=1e-3 * RTOL)
    solver, steps = diffrax.Dopri5(), CAP // 6
    answer = diffrax.diffeqsolve(
        diffrax.ODETerm(right_hand_side),
        solver,
        0.0,
        HORIZON,
        1e-3,
        (W, a),
        stepsize_controller=control,
        max_steps=steps,
        throw=False,
    )
    reached = answer.result == diffrax.RESULTS.successful
    end = (
        np.concatenate([np.ravel(np.asarray(part[-1])) for part in answer.ys]) if reached else None
    )
    return Outcome(6 * int(answer.stats["num_steps"]), end)
