"""Lemmas 1, 3, 4, 10 and (50) of min2024: how far a small network is from the approximate dynamics of directions (4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.core.trajectory import Study
from flowrepro.papers.min2024.constants import approximation_time
from flowrepro.papers.min2024.theory_cases import THEORY_CASES
from flowrepro.papers.min2024.theory_states import (
    THEORY,
    States,
    moderate_scale,
    points_of,
    read_states,
    ref,
    start_of,
)
from flowrepro.theory.alignment import class_sums

EXACT = 1e-12
"""Rounding of an inequality between numbers of order 1."""


def force_defects(loss: str, f: np.ndarray, relative_f: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(-l'(y_k, f_k) - y_k) / max_k |f_k| (..., n), which stays exact where f itself underflows; the slope of -l' at 0 is -y^2 = -1."""
    largest = np.abs(f).max(axis=-1, keepdims=True)
    defect = y * np.expm1(-y * f) if loss == "exp" else -y * np.tanh(y * f / 2)
    limit = -relative_f * (1.0 if loss == "exp" else 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(largest > 1e-300, defect / largest, limit)


def direction_errors(findings: Study, states: States) -> np.ndarray:
    """(d/dt (w_j/||w_j||) - s_j P_w x_a(w_j)) / max |f| of balanced neurons, (T, m, d), from the exact gradient."""
    defects = force_defects(findings.case.options["loss"], states.f, states.relative_f, findings.y)
    force = (states.active * defects[:, None, :]) @ findings.X
    along = np.sum(force * states.U, axis=-1, keepdims=True)
    return np.asarray(states.sign[:, None] * (force - along * states.U))


def negligible(states: States) -> np.ndarray:
    """(T,) where max |f| <= 1; NotApplicable if nowhere."""
    small = states.ln_f <= 0
    if not small.any():
        raise NotApplicable("max |f| > 1 at every record")
    return small


@statement(
    "L4",
    ref("Lemma 4"),
    "theory",
    THEORY_CASES,
    "while |f| <= 1, directions turn as in (4) up to 2 n X_max max |f|",
    THEORY,
)
def check_direction(findings: Study) -> Sequence[Judgement]:
    """max_j ||d/dt w_j/||w_j|| - s_j P x_a(w_j)|| <= 2 n X_max max |f| wherever max |f| <= 1."""
    points, states = points_of(findings), read_states(findings)
    errors = np.linalg.norm(direction_errors(findings, states), axis=-1)[negligible(states)]
    return [
        upper(
            "largest error over 2 n X_max max |f|",
            errors.max() / (2 * points.n * points.x_max),
            1.0 + EXACT,
        )
    ]


@statement(
    "L10",
    ref("Lemma 10"),
    "theory",
    THEORY_CASES,
    "the cosine with x_+-, y_i x_i follows its own equation up to 2 n X_max max |f|",
    THEORY,
)
def check_cosine(findings: Study) -> Sequence[Judgement]:
    """|d psi_rj/dt - (psi_ra - psi_rj psi_aj) ||x_a||| <= 2 n X_max max |f| for the unit vectors x_r along x_+, x_- and all y_i x_i."""
    points, states = points_of(findings), read_states(findings)
    directions = np.concatenate(
        [class_sums(findings.X, findings.y), findings.y[:, None] * findings.X]
    )
    directions = directions[np.any(directions != 0, axis=1)]
    errors = np.abs(
        direction_errors(findings, states)
        @ (directions / np.linalg.norm(directions, axis=1, keepdims=True)).T
    )[negligible(states)]
    return [
        upper(
            "largest error over 2 n X_max max |f|",
            errors.max() / (2 * points.n * points.x_max),
            1.0 + EXACT,
        )
    ]


@statement(
    "L3",
    ref("Lemma 3"),
    "theory",
    THEORY_CASES,
    "until T norms stay below 2 eps W_max^2/sqrt(m) and |f| below 2 eps sqrt(m) X_max W_max^2",
    (*THEORY, moderate_scale),
)
def check_norms(findings: Study) -> Sequence[Judgement]:
    """For t <= T = log(1/(sqrt(m) eps))/(4 n X_max), in logarithms."""
    points, start, states = points_of(findings), start_of(findings), read_states(findings)
    early = states.t <= approximation_time(points, start)
    ln_unit = np.log(2.0) + start.ln_eps + 2 * np.log(start.w_max)
    return [
        upper(
            "ln of max ||w_j||^2 over its bound",
            2 * states.ln_w[early].max() - (ln_unit - 0.5 * np.log(start.m)),
            0.0,
        ),
        upper(
            "ln of max |f| over its bound",
            states.ln_f[early].max() - (ln_unit + 0.5 * np.log(start.m) + np.log(points.x_max)),
            0.0,
        ),
    ]


@statement(
    "L1",
    ref("Lemma 1"),
    "theory",
    THEORY_CASES,
    "until T directions turn as in (4) up to 4 eps n sqrt(m) X_max^2 W_max^2",
    (*THEORY, moderate_scale),
)
def check_approximation(findings: Study) -> Sequence[Judgement]:
    """For t <= T, in logarithms."""
    points, start, states = points_of(findings), start_of(findings), read_states(findings)
    early = states.t <= approximation_time(points, start)
    errors = np.linalg.norm(direction_errors(findings, states), axis=-1).max(axis=1)
    with np.errstate(divide="ignore"):
        ln_error = float((np.log(errors) + states.ln_f)[early].max())
    ln_bound = (
        np.log(4 * points.n * points.x_max**2 * start.w_max**2)
        + 0.5 * np.log(start.m)
        + start.ln_eps
    )
    return [upper("ln of the largest error over its bound", ln_error - ln_bound, 0.0)]


@statement(
    "E50",
    ref("eq. (50)"),
    "theory",
    THEORY_CASES,
    "the gradient grows at most linearly: ||grad L|| <= X_max L(0) ||theta||",
    THEORY,
)
def check_growth(findings: Study) -> Sequence[Judgement]:
    """||grad L||_F <= X_max L(0) ||theta||_F at every record."""
    X, y, states, Y = findings.X, findings.y, read_states(findings), findings.arrays["Y"]
    pulls = (
        1.0 * y
        + force_defects(findings.case.options["loss"], states.f, states.relative_f, y)
        * np.exp(states.ln_f)[:, None]
    )  # -l'
    size = np.exp(
        Y[..., 0] - Y[..., 0].max(axis=1, keepdims=True)
    )  # ||theta_j|| up to a common factor
    force = (states.active * pulls[:, None, :]) @ X
    on_w = (Y[..., -1] * size)[..., None] * force
    on_a = size * np.sum(Y[..., 1:-1] * force, axis=-1)
    ratio = np.sqrt(
        (np.sum(on_w**2, axis=(1, 2)) + np.sum(on_a**2, axis=1)) / np.sum(size**2, axis=1)
    )
    return [
        upper(
            "largest ||grad L|| / (X_max L(0) ||theta||)",
            ratio.max() / (points_of(findings).x_max * states.loss[0]),
            1.0 + EXACT,
        )
    ]


CLAIMS = (check_direction, check_cosine, check_norms, check_approximation, check_growth)
