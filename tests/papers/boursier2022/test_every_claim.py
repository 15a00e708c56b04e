"""What holds for every claim about a run: strange points, other networks, quick variants."""

import dataclasses

import numpy as np
import pytest
from boursier2022_runs import own, run_of

from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import Model, StudyCase
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import StopReason
from flowrepro.papers import registry
from flowrepro.papers.boursier2022.figure_4_five_points import FIVE_POINTS
from flowrepro.papers.boursier2022.figure_5_lazy import LAZY
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.papers.boursier2022.paper import CONTENTS

LINE = (TOY, FIVE_POINTS, LAZY)
CLAIMS = [claim for claim in CONTENTS.claims if not claim.over_seeds and any(claim.judges(case) for case in LINE)]
POINTS, LABELS = [[-0.5, 1.0], [2.0, 1.0]], [-1.0, 1.0]
RNG = np.random.default_rng(0)
WEIRD = {
    "one point": ([[1.0, 0.5]], [1.0], {}),
    "one feature": ([[1.0], [2.0]], [1.0, -1.0], {}),
    "one label sign": (np.eye(2), [1.0, 2.0], {}),
    "a zero label": (np.eye(2), [1.0, 0.0], {}),
    "all labels zero": (np.eye(2), [0.0, 0.0], {}),
    "a zero point": ([[0.0, 0.0], [0.0, 1.0]], [1.0, -1.0], {}),
    "equal rates": (np.eye(2), [1.0, -1.0], {}),
    "one neuron": (POINTS, LABELS, {"m": 1}),
    "one step": (POINTS, LABELS, {"n_steps": 1}),
    "diverged": ([[1.0, 1.0], [2.0, 1.0], [-3.0, 1.0]], [1.0, -1.0, 2.0], {"lr": 0.5, "scale": 100.0}),
    "a loss that is infinite at once": (POINTS, LABELS, {"lr": 0.5, "scale": 1e80}),
    "nearly invisible": (POINTS, LABELS, {"scale": 1e-290}),
    "many points": (RNG.standard_normal((40, 3)), RNG.standard_normal(40), {"scale": 0.1}),
    "a large step": (POINTS, LABELS, {"lr": 0.3, "scale": 0.5}),
    "float32": (POINTS, LABELS, {"dtype": "float32"}),
    "unbalanced": (POINTS, LABELS, {"init.name": "gaussian"}),
    "points whose squares overflow": ([[1e200, 1.0], [2.0, 1.0]], [1.0, -1.0], {}),
    "orthogonal points whose squares overflow": (1e200 * np.eye(2), [1.0, -1.0], {}),
    "a label whose square overflows": (POINTS, [1e200, -1.0], {}),
    "points whose squares underflow": (1e-200 * np.eye(2), [1.0, -1.0], {}),
    "contradiction": ([[1.0, 1.0], [1.0, 1.0]], [1.0, -2.0], {}),
}


@pytest.mark.parametrize("name", [*WEIRD, "zero weights"])
def test_no_run_crashes_a_claim_and_none_fails_outside_its_hypotheses(name):
    if name == "zero weights":
        run = own(POINTS, LABELS, weights=(np.zeros((60, 2)), np.zeros(60)))
    else:
        run = own(*WEIRD[name])
    assert name != "diverged" or run.trajectory.stop.reason is StopReason.DIVERGED
    for claim in CLAIMS:
        result = claim.judge(run)
        assert result.verdict is not Verdict.FAIL, (claim.id, result.note)
        if claim.kind == "reproduction" or "flow" in name:
            assert result.verdict is Verdict.NOT_APPLICABLE, claim.id


OF_THE_DATA = {"assumption-1", "assumption-2", "appendix-b-1-epsilon", "equation-8"}
"""Statements about the points alone, whatever network is trained on them."""
OTHER = {"alpha": 0.5, "depth": 3}


def test_every_field_of_the_model_is_tried():
    assert OTHER.keys() == {field.name for field in dataclasses.fields(Model)}


@pytest.mark.parametrize("case", LINE, ids=lambda case: case.name)
@pytest.mark.parametrize("field", OTHER)
def test_no_statement_is_about_another_network(field, case):
    good = run_of(case)
    run = dataclasses.replace(good, case=override(case, {f"model.{field}": OTHER[field]}))
    judged = {
        claim.id for claim in CLAIMS if claim.judges(case) and claim.judge(run).verdict is not Verdict.NOT_APPLICABLE
    }
    assert judged == (OF_THE_DATA if case is TOY else set())


@pytest.mark.parametrize("case", [TOY, LAZY], ids=lambda case: case.name)
def test_quick_variants_and_other_seeds(case):
    quick, seed = run_of(case, **case.quick), run_of(case, seed=5)
    for claim in CLAIMS:
        if claim.judges(case):
            assert claim.judge(quick).verdict is not Verdict.FAIL, claim.id
            assert claim.judge(seed).verdict in (Verdict.PASS, Verdict.INFO), claim.id


def test_every_case_is_computed_and_judged():
    for case in CONTENTS.cases:
        assert any(claim.judges(case) for claim in CONTENTS.claims), case.name
        if isinstance(case, StudyCase):
            assert registry.study_of(case).validated(case.options) == case.options


def test_sentences_are_sentences():
    for claim in CONTENTS.claims:
        assert claim.sentence.endswith("."), claim.id
        assert claim.id == claim.id.lower()
        assert "." not in claim.id
