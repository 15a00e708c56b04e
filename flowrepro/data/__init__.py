"""Data sets, by name. A loader takes the case's ``data.options`` as keyword arguments and returns a
Dataset.

Loaders are named by module and function and imported when asked for.
"""

from __future__ import annotations

import importlib

from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset
from flowrepro.errors import FlowreproError, UsageError

DATASETS: dict[str, tuple[str, str]] = {
    "two-points": ("flowrepro.data.points", "two_points"),
    "orthonormal": ("flowrepro.data.points", "orthonormal"),
    "five-points": ("flowrepro.data.points", "five_points"),
    "three-points": ("flowrepro.data.points", "three_points"),
    "three-points-in-boxes": ("flowrepro.data.points", "three_points_in_boxes"),
    "eight-pieces": ("flowrepro.data.points", "eight_pieces"),
    "gaussian-teacher": ("flowrepro.data.synthetic", "gaussian_teacher"),
    "nearly-orthogonal": ("flowrepro.data.nearly_orthogonal", "nearly_orthogonal"),
    "digits": ("flowrepro.data.mnist", "digits"),
    "symmetric-example": ("flowrepro.data.separable", "symmetric_example"),
    "constant-feature": ("flowrepro.data.separable", "constant_feature"),
    "hinted": ("flowrepro.data.separable", "hinted"),
    "counterexample-a7": ("flowrepro.data.separable", "counterexample_a7"),
    "symmetric": ("flowrepro.data.separable", "symmetric"),
    "shifted-gaussian": ("flowrepro.data.separable", "shifted_gaussian"),
    "orthogonally-separable": ("flowrepro.data.separable", "orthogonally_separable"),
    "sketch-points": ("flowrepro.data.well_separated", "sketch_points"),
    "six-points": ("flowrepro.data.well_separated", "six_points"),
    "two-positive-points": ("flowrepro.data.well_separated", "two_positive_points"),
    "held-points": ("flowrepro.data.well_separated", "held_points"),
    "separated-clusters": ("flowrepro.data.well_separated", "separated_clusters"),
    "file": ("flowrepro.data.from_file", "points_from_file"),
}
"""name -> (module, function)."""


def load(data: Data) -> Dataset:
    """The named data set;

    UsageError for an unknown name, DataError for data that cannot be used.
    """
    if data.name not in DATASETS:
        raise UsageError(f"data.name must be one of {', '.join(DATASETS)}, not '{data.name}'")
    module, function = DATASETS[data.name]
    loader = getattr(importlib.import_module(module), function)
    try:
        return loader(**data.options)  # type: ignore[no-any-return]
    except FlowreproError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        given = ", ".join(f"{key}={value}" for key, value in data.options.items())[:300]
        raise UsageError(
            f"the data set '{data.name}' cannot be made with {given} ({error}); 'flowrepro list "
            "--keys' shows what it is made for"
        ) from error
