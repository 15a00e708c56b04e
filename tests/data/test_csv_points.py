"""Points in csv: what is understood, and how a refusal names the place."""

import io
from pathlib import Path

import numpy as np
import pytest

from flowrepro.data import csv_points
from flowrepro.data.csv_points import read_points
from flowrepro.errors import DataError

NAME = Path("points.csv")


def read(text):
    return read_points(io.BytesIO(text.encode() if isinstance(text, str) else text), NAME)


@pytest.mark.parametrize(
    "text",
    [
        "1,2,1\n3,4,-1\n",
        "1,2,1\r\n3,4,-1",
        "\ufeffx1,x2,y\n1,2,1\n3,4,-1\n",
        "y,x1,x2\n1,1,2\n-1,3,4\n",
        "X1, Y, X2\n1, 1, 2\n3, -1, 4\n",
        "# x1,x2,y\n1,2,1\n\n  \n3,4,-1\n",
        "height,width,label\n1,2,1\n3,4,-1\n",
        '"1","2","1e0"\n3.0,+4,-1\n',
    ],
)
def test_layouts_of_one_table(text):
    X, y = read(text)
    assert np.array_equal(X, [[1, 2], [3, 4]])
    assert np.array_equal(y, [1, -1])


def test_one_coordinate_gives_one_column():
    X, y = read("x,y\n0.5,1\n")
    assert X.shape == (1, 1)
    assert y.shape == (1,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n3,oops\n", "line 2, column 2: 'oops' is not a number"),
        ("x,y\n1,2\n\n3,\n", "line 4, column 2: '' is not a number"),
        ("1,a,2\n3,4,5\n", "line 1, column 2: 'a' is not a number"),
        ("1,2\nnan,4\n", "line 2, column 1: nan is not finite"),
        ("1,2\n3,-inf\n", "line 2, column 2: -inf is not finite"),
        ("1,2\n1e999,2\n", "line 2, column 1: 1e999 is not finite"),
        ("1,2\n3\n", "line 2: 1 columns where the first line has 2"),
        ("x,y\n1,2,3\n", "line 2: 3 columns"),
        ("1\n2\n", "line 1: one column"),
        ("1;2;3\n", "separate the columns by commas"),
        ("", "no points"),
        ("\n \n", "no points"),
        ("x1,x2,y\n", "no points"),
        ("x1,x2\n1,2\n", "name one column y"),
        ("x,y,id\n1,2,3\n", "name one column y"),
        ("x,y,y\n1,2,3\n", "name one column y"),
        ('1,"2\n', "not csv text"),
        (b"1,2\n\xff\xfe,3\n", "UTF-8"),
    ],
)
def test_a_refusal_names_the_place_and_the_rule(text, message):
    with pytest.raises(DataError) as caught:
        read(text)
    assert message in str(caught.value)
    assert "points.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_limits_of_size(monkeypatch):
    with pytest.raises(DataError, match="line above the limit of 4194304"):
        read(b"0" * 2**23)
    monkeypatch.setattr(csv_points, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="larger than the limit of 10 bytes"):
        read("1,2\n3,4\n5,6\n")
