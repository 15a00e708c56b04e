"""Figure 1: the timeline of a run at a tiny scale."""

import numpy as np
import pytest
from boursier2022_runs import drawn, first_of, log_scale_studies, marks

from flowrepro.figures import NotDrawable
from flowrepro.papers.boursier2022.figure_1_timeline import timeline_trace, topic

(FIGURE,) = topic.figures


def test_the_timeline_is_in_units_of_the_logarithm_of_the_scale():
    """Two points: ||D+|| = sqrt(5)/2, r = 2, eps = 1/8, so the ticks are (1/4, 11/8, ...) / it."""
    study = log_scale_studies()[0]
    above, below = drawn(FIGURE, study)[0].panels
    trace = timeline_trace(study)
    assert trace.values["p"] == 100
    assert trace.eps == pytest.approx(0.125)
    ticks = np.array([0.25, 1.375, 1.75, 3.5]) / (np.sqrt(5) / 2)
    np.testing.assert_allclose(below.xticks.at, [0.0, *ticks], rtol=1e-12)
    half = [marks(above, f"$T_{k}$")[0].x[0] for k in (1, 2)]
    t2, t3 = trace.t2() / trace.ll, trace.t3() / trace.ll
    assert half[0] < t2 < ticks[1] < ticks[2] < half[1] < t3 < ticks[3]
    (distance,), (bound,) = marks(below, r"$\|\theta"), marks(below, "bound")
    inside = (distance.x >= ticks[1]) & (distance.x <= ticks[2])
    assert inside.any()
    assert np.all(distance.y[inside] <= bound.y[0])


def test_without_a_tiny_scale_there_is_no_timeline():
    with pytest.raises(NotDrawable, match="smaller"):
        FIGURE.collect(first_of(log_scale_studies()[0], 3))
