"""The study of the flow from tiny scales: closed form, refusals, options."""

import numpy as np
import pytest
from boursier2022_runs import log_scale_studies, study_of

from flowrepro import data
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset
from flowrepro.errors import DataError, UsageError
from flowrepro.papers.boursier2022 import appendix_b_lemmas
from flowrepro.papers.boursier2022.appendix_b_flow import LOG_SCALE, log_scale
from flowrepro.papers.boursier2022.beyond import scaling_laws


@pytest.mark.slow
def test_the_flow_of_the_study_is_the_closed_form():
    """The two points from 1e-6, seed 0: half-fits at 12.459659 and 25.854345."""
    arrays = log_scale_studies()[0].arrays
    (at,) = np.flatnonzero(arrays["p"] == 6)
    np.testing.assert_allclose(arrays["half_time_predicted"][at], [12.459659, 25.854345], atol=1e-6)
    t, share = arrays["t"][at], arrays["share_fast"][at]
    np.testing.assert_allclose(share, 1 / (1 + np.exp(-2 * 1.118034 * (t - 12.459659))), atol=1e-4)
    np.testing.assert_allclose(arrays["settled"][at], arrays["settled_predicted"][at], atol=1e-6)
    assert np.all(np.diff(t) >= 0)


def test_the_study_starts_at_the_scale_it_names():
    arrays = log_scale_studies()[0].arrays
    np.testing.assert_allclose(arrays["ll"], arrays["p"] * np.log(10) + 0.5 * np.log(60))
    assert np.all(np.abs(arrays["ln_growth"][:, 0]) < 1e-12)


@pytest.mark.parametrize("m", [1, 2])
def test_a_network_without_assumption_3_is_traced_but_not_judged(m):
    study = study_of(LOG_SCALE, p=[6], seeds=1, m=m)
    assert not study.arrays["complete"][0]
    for claim in (*appendix_b_lemmas.topic.claims, *scaling_laws.topic.claims):
        assert claim.judge(study).verdict is Verdict.NOT_APPLICABLE


def test_points_that_are_not_orthogonal_are_refused():
    with pytest.raises(DataError, match="orthogonal"):
        log_scale(data.load(Data(name="five-points")))


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_points_whose_squares_leave_double_precision_are_refused(size):
    with pytest.raises(DataError, match="rescale"):
        log_scale(Dataset(size * np.eye(2), np.array([1.0, -0.5]), "own"))


@pytest.mark.parametrize(
    "change", [{"p": ["small"]}, {"p": []}, {"seeds": 0}, {"seeds": True}, {"m": 1.5}, {"fractions": [2.0]}]
)
def test_options_out_of_range_are_named(change):
    with pytest.raises(UsageError, match=rf"options\.{next(iter(change))}.* must "):
        log_scale(data.load(LOG_SCALE.data), **change)


def test_progress_may_stop_the_study():
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log_scale(data.load(LOG_SCALE.data), p=[2], progress=stop)
