r"""Beyond the paper: a weak neuron near the one-neuron network grows as a power of the margin.

    (a_k / a_main)^2 ~ q^{(r - r0) / r0},   r0 = gamma+,   r = max_u |sum_i p_i y_i phi(<u, x_i>)|,  p the multipliers of w+

On symmetric data the opposite sign has r = gamma*, r0 = alpha gamma*, so the exponent is (1 - alpha)/alpha: descent finds
the linear classifier only after the loss has fallen to e^{-q}, q = q_0 ratio^{-alpha / (1 - alpha)}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, number, require, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lyu2021.late_records import labelled, ref, separable, symmetric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CASES = ("escape-symmetric", "escape-middle", "escape-right")
WEAK = 1e-2
"""Ratio (a_k / a_main)^2 up to which the weak neuron does not act back."""
AGREEMENT = 0.02
"""Relative error of a fitted exponent (measured: up to 0.002 on symmetric points, 0.01 on the others)."""


def exponents(f: Study) -> tuple[np.ndarray, np.ndarray]:
    """(Theory (A,), fitted (A,)) exponents of the ratio; nan where fewer than 5 levels have a weak second neuron."""
    theory = f.arrays["stray_rate"] / f.arrays["rate"] - 1
    fitted = np.full(len(theory), np.nan)
    for k, ratio in enumerate(f.arrays["ratio"]):
        used = np.isfinite(ratio) & (ratio < WEAK) & (ratio > 0)
        if used.sum() >= 5:
            fitted[k] = np.polyfit(np.log(f.arrays["level"][used]), np.log(ratio[used]), 1)[0]
    return theory, fitted


@statement(
    "escape-exponent",
    ref("beyond: near the one-neuron networks of Theorems 4.3 and A.7"),
    "theory",
    CASES,
    "A weak neuron grows as q^{(r - r0)/r0} relative to the main one.",
    given=(labelled, separable),
)
def check_exponent(f: Study) -> Sequence[Judgement]:
    """Fitted against predicted exponents, for every slope."""
    theory, fitted = exponents(f)
    require(
        None
        if np.any(np.isfinite(fitted))
        else "no run has enough margins at which the second neuron is weak; take a larger last margin"
    )
    listed = [
        number(f"alpha = {alpha:g}: fitted (theory {t:.5g})", value)
        for alpha, t, value in zip(f.arrays["alpha"], theory, fitted, strict=True)
    ]
    return [
        upper(
            "largest relative error of an exponent",
            float(np.nanmax(np.abs(fitted / theory - 1))),
            AGREEMENT,
        ),
        *listed,
    ]


@statement(
    "escape-reaches-optimum",
    ref("beyond: Theorem 4.2"),
    "theory",
    CASES,
    "On symmetric data the escape ends at the largest margin.",
    given=(labelled, separable, symmetric),
)
def check_optimum(f: Study) -> Sequence[Judgement]:
    """Normalised margin at the last level over (1 + alpha)/4 gamma*, where the second neuron has become as strong as the first."""
    largest = (
        (1 + f.arrays["alpha"]) / 4 * f.arrays["rate"] / f.arrays["alpha"]
    )  # the main neuron grows at alpha gamma*
    done = f.arrays["ratio"][:, -1] > 0.99
    if not done.any():
        raise NotApplicable("no weak neuron has caught up at the last margin")
    return [
        upper(
            "largest relative margin gap",
            float(np.max(np.abs(1 - f.arrays["gamma"][done, -1] / largest[done]))),
            1e-3,
        ),
        number("runs", done.sum()),
    ]


class Escape(NamedTuple):
    """Level (L,); per panel the slopes (A,), ratios (A, L), theory (A,) exponents and the sign of the weak neuron."""

    level: tuple[np.ndarray, ...]
    alpha: tuple[np.ndarray, ...]
    ratio: tuple[np.ndarray, ...]
    theory: tuple[np.ndarray, ...]
    sign: tuple[np.ndarray, ...]


def collect(*cases: Study) -> Escape:
    """Ratios and predicted exponents of each case."""
    return Escape(
        tuple(f.arrays["level"] for f in cases),
        tuple(f.arrays["alpha"] for f in cases),
        tuple(f.arrays["ratio"] for f in cases),
        tuple(exponents(f)[0] for f in cases),
        tuple(f.arrays["sign"] for f in cases),
    )


TITLES = ("(a) symmetric points", "(b) Figure 1 middle", "(c) Figure 1 right")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1, 1.5)))


def draw(axes: Sequence[Axes], data: Escape) -> None:
    """Ratio against margin on logarithmic axes, with the predicted power through the first point of each run."""
    for panel, ax in enumerate(axes):
        level = data.level[panel]
        for k, (alpha, ratio) in enumerate(zip(data.alpha[panel], data.ratio[panel], strict=True)):
            colour = style.POSITIVE if data.sign[panel][k] > 0 else style.NEGATIVE
            label = f"weak neuron, $a$ {'>' if data.sign[panel][k] > 0 else '<'} 0"
            ax.loglog(
                level,
                ratio,
                color=colour,
                linestyle=DASHES[k % len(DASHES)],
                label=label if k == 0 else None,
            )
            power = ratio[0] * (level / level[0]) ** data.theory[panel][k]
            shown = power <= 1
            ax.loglog(
                level[shown],
                power[shown],
                color=style.THEORY,
                linewidth=0.7,
                label="predicted power" if panel == k == 0 else None,
            )
            at = min(
                int(np.searchsorted(ratio, 10.0 ** (-2.0 - 1.6 * k))), 3 * len(level) // 5
            )  # a lower place for each curve
            ax.annotate(
                rf"$\alpha={alpha:g}$",
                (level[at], ratio[at]),
                xytext=(4, -7),
                textcoords="offset points",
                fontsize=6.5,
                color=colour,
            )
        ax.set_title(TITLES[panel] if panel < len(TITLES) else "")
        ax.set_xlabel(r"margin $\min_i q_i$")
        ax.set_ylim(top=5.0)
    axes[0].set_ylabel(r"$(a_{\mathrm{weak}}/a_{\mathrm{main}})^2$")
    legend_below(axes)


CLAIMS: tuple[Claim, ...] = (check_exponent, check_optimum)
FIGURES = (
    Figure(
        id="beyond-escape",
        file="beyond-escape",
        cases=CASES,
        caption="Weak neurons outgrow a one-neuron network as a power of the margin: measured ratios and the predicted exponents.",
        layout=(1, 3, style.PAGE, 2.5),
        collect=collect,
        draw=draw,
    ),
)
