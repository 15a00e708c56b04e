"""Figures of the laws beyond the paper: collected from tiny cases and drawn once."""

from __future__ import annotations

import numpy as np
import pytest
from theory_findings import found

from flowrepro.figures import Figure, canvas
from flowrepro.papers.lyu2021 import escape
from flowrepro.papers.lyu2021.beyond_figures import FIGURES


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.id)
def test_it_is_drawn(figure: Figure) -> None:
    data = figure.collect(*(found(case) for case in figure.cases))
    assert canvas.render(figure, data, {}, ["svg"])["svg"].startswith(b"<?xml")


def test_the_predicted_exponent_of_the_other_sign() -> None:
    theory, fitted = escape.exponents(found("escape-symmetric"))
    np.testing.assert_allclose(theory, [(1 - 0.35) / 0.35], rtol=1e-9)
    np.testing.assert_allclose(fitted, theory, rtol=5e-3)
