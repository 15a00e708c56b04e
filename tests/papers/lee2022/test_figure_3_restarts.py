"""Figure 3: bounds start again where the case says."""

from __future__ import annotations

import pytest

from flowrepro.figures import NotDrawable
from flowrepro.papers.lee2022.figure_3_restarts import restarted

from .results import drawn, quick_run, untaught


def test_bounds_start_at_the_norm_of_the_steps_that_the_case_names() -> None:
    runs = [quick_run(name) for name in restarted.cases]
    for panel, steps in zip(restarted.collect(*runs).panels, ([0, 2.5, 5, 7.5], [0, 0.12, 0.25, 0.5]), strict=True):
        starts = panel.marks[-1]
        assert starts.x.tolist() == steps
        bounds = [mark for mark in panel.marks if mark.label in ("upper bound", "lower bound")]
        for k, norm in enumerate(starts.y):
            for bound in bounds[2 * k : 2 * k + 2]:
                assert bound.y[0] == pytest.approx(norm)
    assert len(drawn(restarted, *runs).axes) == 2
    with pytest.raises(NotDrawable, match="teacher"):
        restarted.collect(*map(untaught, runs))
