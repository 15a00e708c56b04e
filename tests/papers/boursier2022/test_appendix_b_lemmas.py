"""Every lemma on the phases three ways, where it says nothing, and the map of where it holds."""

import dataclasses

import numpy as np
import pytest
from boursier2022_runs import drawn, edited, first_of, judged_three_ways, log_scale_studies

from flowrepro.claims.verdict import Verdict
from flowrepro.core.trajectory import Dataset
from flowrepro.papers.boursier2022.appendix_b_lemmas import LEMMAS, topic, validity
from flowrepro.papers.boursier2022.traces import traces

NAMED = {lemma.claim.id: lemma for lemma in LEMMAS}
TAMPERED = {
    "lemma-6-flow": {"activations": lambda array: array + 1},
    "lemma-2": {"cos_fast": lambda array: array - 0.1},
    "lemma-2-proof": {"cos_slow": lambda array: array - 0.1},
    "lemma-7-iii": {"wrong_fast": lambda array: array + 0.1},
    "lemma-9": {"ln_least_slow": lambda array: 3.0 * array},
    "appendix-b-4-growth": {"ln_growth": lambda array: array + 0.01},
    "lemma-3": {"cos_fast": lambda array: array - 0.1},
    "fact-1": {"to_saddle": lambda array: array + 1.0},
    "lemma-4": {"moved": lambda array: array + 2.0},
    "lemma-12": {"to_limit": lambda array: array + 2.0},
    "theorem-1-flow": {"norm_ratio": lambda array: array + 0.2},
}


def other_points(study, X, y):
    return dataclasses.replace(study, dataset=Dataset(X, y, "other points"))


def test_the_table_covers_every_lemma():
    assert list(TAMPERED) == list(NAMED) == [claim.id for claim in topic.claims]


@pytest.mark.parametrize("id", TAMPERED)
def test_three_ways(id):
    two, four = log_scale_studies()
    claim = NAMED[id].claim
    norms_differ = other_points(four, np.diag([1.0, 2.0, 1.0, 1.0]), four.y)
    judged_three_ways(claim, two, edited(two, **TAMPERED[id]), norms_differ)
    assert claim.judge(four).verdict is Verdict.PASS


@pytest.mark.parametrize("id", TAMPERED)
def test_no_lemma_is_judged_where_it_says_nothing(id):
    two, _ = log_scale_studies()
    claim = NAMED[id].claim
    none = edited(two, complete=lambda array: array & False)
    assert "Assumption 3" in claim.judge(none).note
    assert "rescale" in claim.judge(other_points(two, two.X, 1e6 * two.y)).note
    largest_scale = claim.judge(first_of(two, 1)).verdict
    assert (largest_scale is Verdict.NOT_APPLICABLE) == (id != "lemma-6-flow")


def test_phases_that_were_not_followed_to_their_end_do_not_hold():
    cut = edited(log_scale_studies()[0], deficit_slow=lambda array: array + 1.0)
    lemma = NAMED["lemma-4"]
    assert not any(lemma.holds(trace) for trace in traces(cut))
    assert lemma.claim.judge(cut).verdict is Verdict.NOT_APPLICABLE


def test_the_map_knows_from_where_on_the_lemmas_say_something():
    two, four = map(validity, log_scale_studies())
    names = list(NAMED)
    p, share, judged = two
    np.testing.assert_array_equal(p[judged[names.index("lemma-3")]], [27, 100, 300])
    np.testing.assert_array_equal(p[judged[names.index("lemma-4")]], [100, 300])
    np.testing.assert_array_equal(four[0][four[2][names.index("lemma-4")]], [1500])
    assert share.shape == (len(LEMMAS), 7)
    assert np.all(share[:, -1] == 1.0)


def test_the_map_is_drawn_with_the_first_phase_on_top():
    (figure,) = topic.figures
    picture, _ = drawn(figure, *log_scale_studies())
    assert picture.panels[0].yticks.labels[-1] == "Lemma 6"
    share = validity(log_scale_studies()[0])[1]
    np.testing.assert_array_equal(picture.panels[0].marks[0].value[-1], share[0])
