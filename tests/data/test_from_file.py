"""The user's own points and weights."""

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from flowrepro.core.config import Data
from flowrepro.data import load
from flowrepro.data.from_file import degeneracies, file_sha256, points_from_file, weights_from_file
from flowrepro.errors import DataError, UsageError

X = np.array([[0.5, 1.0], [2.0, -3.0], [0.0, 4.0]])
Y = np.array([1.0, -1.0, 1.0])
tables = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(2, 5)),
    elements=st.floats(allow_nan=False, allow_infinity=False),
)


@pytest.fixture
def npz(tmp_path):
    np.savez(tmp_path / "points.npz", x=X, y=Y)
    return str(tmp_path / "points.npz")


@settings(max_examples=50, deadline=None)
@given(table=tables, header=st.booleans())
def test_csv_gives_back_every_number_exactly(table, header, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "round.csv"
    names = ",".join([*(f"x{k}" for k in range(1, table.shape[1])), "y"])
    np.savetxt(path, table, delimiter=",", fmt="%.17g", header=names if header else "")
    rows, columns = map(np.arange, table.shape)
    numbered = any(np.array_equal(table[:, 0], rows + k) for k in (0, 1))
    if not header and (np.array_equal(table[0], columns) or numbered):
        return  # may number columns or rows, and is refused
    dataset = points_from_file(str(path))
    assert np.array_equal(dataset.X, table[:, :-1])
    assert np.array_equal(dataset.y, table[:, -1])


@settings(max_examples=50, deadline=None)
@given(table=tables)
def test_npz_gives_back_every_number_exactly(table, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "round.npz"
    np.savez(path, x=table[:, :-1], y=table[:, -1])
    dataset = points_from_file(str(path))
    assert np.array_equal(dataset.X, table[:, :-1])
    assert np.array_equal(dataset.y, table[:, -1])


def test_points_are_used_as_given_and_the_bias_only_on_request(npz):
    plain, biased = points_from_file(npz), points_from_file(npz, bias=True)
    assert plain.X.dtype == plain.y.dtype == np.float64
    assert np.array_equal(plain.X, X)
    assert np.array_equal(biased.X, np.column_stack([X, np.ones(3)]))
    assert "bias" in biased.note
    assert "bias" not in plain.note
    assert plain.warnings == ()


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"X": X, "y": Y}, "(arrays X and y)"),
        ({"x": X, "y": Y[:, None]}, "(arrays x and y)"),
        ({"x": X, "y": Y, "names": np.array(["a", "b"])}, "not read: names)"),
        ({"x": X, "y": Y, "meta": np.array([{}, None], dtype=object)}, "not read: meta)"),
    ],
)
def test_what_others_save_is_read_and_told(arrays, told, tmp_path):
    np.savez(tmp_path / "own.npz", **arrays)
    dataset = points_from_file(str(tmp_path / "own.npz"))
    assert np.array_equal(dataset.X, X)
    assert np.array_equal(dataset.y, Y)
    assert told in dataset.note


def test_the_last_column_of_an_npy_is_y(tmp_path):
    np.save(tmp_path / "own.npy", np.column_stack([X, Y]).astype(np.float32))
    dataset = points_from_file(str(tmp_path / "own.npy"))
    assert np.array_equal(dataset.X, X)
    assert np.array_equal(dataset.y, Y)
    assert dataset.note == "3 points of own.npy in dimension 2 (y = last column of (3, 3))"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (Y, r"shape \(3,\), but points are the rows \(x, y\) of a 2-D array whose last column is y"),
        (X[:, :1], r"shape \(3, 1\), but points"),
        (X[None], r"save np\.column_stack\(\[X, y\]\), or np\.savez\(path, X=X, y=y\)"),
        (np.column_stack([range(3), X]), "the first column numbers the rows; leave it out, or save"),
        (X[:0], "holds no points"),
        (np.array([[{}, {}]]), "pickled Python objects, which are never loaded"),
    ],
)
def test_an_npy_that_is_no_table_is_refused_with_the_rule(table, message, tmp_path):
    np.save(tmp_path / "bad.npy", table, allow_pickle=True)
    with pytest.raises(DataError, match=message):
        points_from_file(str(tmp_path / "bad.npy"))


def test_equal_rows_are_found_among_many():
    x = np.random.default_rng(0).integers(0, 60, size=(3000, 2)).astype(float)
    distinct = len(np.unique(x, axis=0))
    assert f"{3000 - distinct} of 3000 rows are repetitions" in degeneracies(x, x[:, 0])[0]
    huge = np.array([[1e308, -1e308], [1e308, 1e308], [1e308, -1e308]])  # projections overflow
    assert "rows 1 and 3 are the same point, 1 of 3" in degeneracies(huge, np.array([1, -1, 1]))[0]


@pytest.mark.slow
def test_a_large_csv_is_read_at_a_hundred_thousand_lines_a_second_or_so(tmp_path):
    table = np.random.default_rng(0).normal(size=(100_000, 10))
    lines = "\n".join([",".join(map(repr, row)) for row in table.tolist()])
    (tmp_path / "own.csv").write_text(lines)
    started = time.process_time()
    dataset = points_from_file(str(tmp_path / "own.csv"))
    assert time.process_time() - started < 2.0, "0.7 s on an idle core: the fast path was not taken"
    assert np.array_equal(np.column_stack([dataset.X, dataset.y]), table)


def test_the_note_says_what_a_csv_was_read_as(tmp_path):
    (tmp_path / "own.csv").write_text("a,b,label\n1,2,1\n3,5,-1\n")
    note = points_from_file(str(tmp_path / "own.csv")).note
    assert note == "2 points of own.csv in dimension 2 (y = label, header: a b label)"


def test_the_row_name_loads_a_file(npz):
    assert np.array_equal(load(Data(name="file", options={"path": npz, "sha256": file_sha256(npz)})).X, X)


def test_points_of_a_line_become_one_column(tmp_path):
    np.savez(tmp_path / "line.npz", x=[1, 2, 3], y=Y)
    assert points_from_file(str(tmp_path / "line.npz"), bias=True).X.tolist() == [[1, 1], [2, 1], [3, 1]]


def test_the_hash_is_that_of_the_content_and_is_enforced(npz):
    sha256 = file_sha256(npz)
    assert sha256 == hashlib.sha256(Path(npz).read_bytes()).hexdigest()
    assert np.array_equal(points_from_file(npz, sha256.upper()).X, X)
    with open(npz, "ab") as file:
        file.write(b"\0")
    with pytest.raises(DataError, match=f"expected sha256 {sha256} but got"):
        points_from_file(npz, sha256)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X, "y": Y[:2]}, r"x has shape \(3, 2\) and y \(2,\)"),
        ({"x": X, "y": np.column_stack([Y, Y])}, r"give x \(n, d\)"),
        ({"x": X, "X": X, "y": Y}, "holds both 'x' and 'X'"),
        ({"x": X[None], "y": Y}, r"give x \(n, d\)"),
        ({"x": 1.0, "y": 2.0}, r"give x \(n, d\)"),
        ({"x": X[:0], "y": Y[:0]}, "holds no points"),
        ({"x": X[:, :0], "y": Y}, "holds no points"),
        ({"x": np.where(X == -3, np.nan, X), "y": Y}, r"x is not finite in row 2 \(counted from 1, 1 such rows\)"),
        ({"x": X, "y": np.array([1, 1, np.inf])}, "y is not finite in row 3"),
        ({"x": X}, "no array 'y'"),
    ],
)
def test_unusable_points_are_refused_with_the_reason(arrays, message, tmp_path):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DataError, match=message) as caught:
        points_from_file(str(tmp_path / "bad.npz"))
    assert "bad.npz" in str(caught.value)
    assert caught.value.exit_code == 3


def _missing(folder):
    return folder / "nothing.csv"


def _folder(folder):
    return folder


def _pipe(folder):
    os.mkfifo(folder / "pipe.csv")
    return folder / "pipe.csv"


def _other_format(folder):
    (folder / "points.mat").write_text("1,2")
    return folder / "points.mat"


def _below_a_file(folder):
    (folder / "file").touch()
    return folder / "file" / "points.csv"


def _too_long(folder):
    return folder / ("a" * 300 + ".csv")


def _null_byte(folder):
    return f"{folder}/a\0.csv"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_missing, "does not exist"),
        (_folder, "is a folder"),
        (_pipe, "not a regular file"),
        (_other_format, r"must end in \.csv, \.npy, \.npz or \.pt"),
        (_below_a_file, "cannot be read"),
        (_too_long, "cannot be read"),
        (_null_byte, r"cannot be read|does not exist"),
    ],
)
def test_paths_that_are_no_readable_file(make, message, tmp_path):
    with pytest.raises(DataError, match=message):
        points_from_file(str(make(tmp_path)))


def test_an_unreadable_file_is_named(npz, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")  # chmod does not stop the superuser

    monkeypatch.setattr("pathlib.Path.open", refuse)
    for read in (points_from_file, weights_from_file, file_sha256):
        with pytest.raises(DataError, match=r"points\.npz cannot be read \(Permission denied\)"):
            read(npz)


def test_the_bias_option_is_true_or_false(npz):
    with pytest.raises(UsageError, match="bias must be true or false"):
        points_from_file(npz, bias="no")


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([[1, 0], [2, 0], [1, 0]], [1, -1, 1], ["rows 1 and 3 are the same point, 1 of 3"]),
        ([[1.0, 0], [1, -0.0], [2, 3]], [1, -1, 1], ["rows 1 and 2 are the same point", "different targets"]),
        ([[1, 0], [0, 0], [0, 2]], [1, -1, 1], ["row 2 is the zero point"]),
        ([[1, 0], [0, 1]], [1, 2], ["all targets are positive"]),
        ([[1, 0], [0, 1]], [-1, -1], ["all targets are negative"]),
        ([[1, 0], [0, 1]], [0, 0], ["all targets are 0"]),
        ([[1, 0], [0, 1]], [0, 1], ["write -1 and 1 (2 y - 1) if they are labels"]),
        ([[1, 0, 0], [0, 1, 0]], [1, -1], [r"more dimensions (3) than points (2)"]),
        ([[1, 0], [0, 1]], [1, -1], []),
    ],
)
def test_degenerate_but_legal_points_run_with_a_sentence_each(x, y, words, tmp_path):
    x, y = np.array(x, dtype=float), np.array(y, dtype=float)
    found = degeneracies(x, y)
    assert len(found) == len(words)
    assert all(word in sentence for word, sentence in zip(words, found, strict=True))
    np.savez(tmp_path / "own.npz", x=x, y=y)
    warnings = points_from_file(str(tmp_path / "own.npz")).warnings
    assert warnings == tuple(f"own.npz: {sentence}." for sentence in found)


def test_weights_are_read_as_float64(tmp_path):
    W, a = np.arange(6, dtype=np.float32).reshape(3, 2), np.array([1, -1, 1])
    path = str(tmp_path / "weights.npz")
    np.savez(path, W=W, a=a)
    read_W, read_a = weights_from_file(path, file_sha256(path))
    assert read_W.dtype == read_a.dtype == np.float64
    assert np.array_equal(read_W, W)
    assert np.array_equal(read_a, a)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"W": np.eye(2), "a": np.ones(3)}, r"give W \(m, d\) and a \(m,\)"),
        ({"W": np.ones(2), "a": np.ones(2)}, r"give W \(m, d\) and a \(m,\)"),
        ({"W": np.eye(2)[:0], "a": np.ones(0)}, r"m and d at least 1"),
        ({"W": np.array([[1, 2], [np.nan, 1]]), "a": np.ones(2)}, "W is not finite in row 2"),
        ({"W": np.eye(2), "a": np.array([1, -np.inf])}, "a is not finite in row 2"),
        ({"w": np.eye(2), "a": np.ones(2)}, r"no array 'W' \(arrays: a, w\).*np\.savez\(path, W=W, a=a\)"),
    ],
)
def test_unusable_weights_are_refused(arrays, message, tmp_path):
    np.savez(tmp_path / "weights.npz", **arrays)
    with pytest.raises(DataError, match=message):
        weights_from_file(str(tmp_path / "weights.npz"))


def test_weights_in_csv_are_refused(tmp_path):
    (tmp_path / "weights.csv").write_text("1,2\n")
    with pytest.raises(DataError, match=r"must end in \.npz"):
        weights_from_file(str(tmp_path / "weights.csv"))


def test_labels_0_and_1_are_refused_with_the_remedy_where_a_loss_needs_signs(tmp_path):
    from flowrepro.papers import registry
    from flowrepro.run.training import prepare

    np.savez(tmp_path / "own.npz", x=X, y=np.array([0.0, 1.0, 1.0]))
    case = registry.find_case("toy2d", "six-points")
    with pytest.raises(DataError, match=r"write the labels 0 and 1 as -1 and 1 \(2 y - 1\)"):
        prepare(case, points_from_file(str(tmp_path / "own.npz")))
    np.savez(tmp_path / "own.npz", x=X, y=2 * np.array([0.0, 1.0, 1.0]) - 1)
    assert prepare(case, points_from_file(str(tmp_path / "own.npz"))).y.tolist() == [-1, 1, 1]
