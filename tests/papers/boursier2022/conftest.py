"""Studies small enough for tests, computed once."""

import dataclasses

import pytest
from boursier2022_studies import SMALL, compute


@pytest.fixture(scope="session")
def findings():
    """Name of the study -> its findings."""
    return {name: compute(case) for name, case in SMALL.items()}


@pytest.fixture(scope="session")
def tampered(findings):
    """Study of a study with arrays replaced by functions of them."""

    def change(name, **changes):
        arrays = dict(findings[name].arrays)
        return dataclasses.replace(
            findings[name],
            arrays=arrays | {key: edit(arrays[key].copy()) for key, edit in changes.items()},
        )

    return change
