"""Points in csv: what is understood, and how a refusal names the place."""

import io
import time
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
    X, y, _ = read(text)
    assert np.array_equal(X, [[1, 2], [3, 4]])
    assert np.array_equal(y, [1, -1])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b,c,label\n1,2,3,1\n", "y = label, header: a b c label"),
        ("y,x1,x2\n1,1,2\n", "y = y, header: y x1 x2"),
        ("height,width,y\n1,2,1\n", "y = y, header: height width y"),
        ("1,2,1\n3,4,-1\n", "y = last column, no header"),
        ("# made by hand\n# a,b,t\n1,2,1\n# 9,9,9\n3,4,-1\n", "y = t, header: a b t"),
        ('# it said "no\n1,2,1\n', "y = last column, no header"),
        ("# 5,6,7\n1,2,1\n", "y = last column, no header"),
        (",".join("abcdefghij") + "\n" + "1," * 9 + "1\n", "a b c d e f g h ... (10 columns)"),
        ("a\x1b[2J,y\n1,1\n", "header: a?[2J y"),
        ("0.0,1.0,2.0\n1,2,1\n", "no header"),
        ("x1,x2,y\n0,1.5,1\n1,2.5,-1\n2,3.5,1\n", "header: x1 x2 y"),
        ("0,1.5\n1,2.5\n2,3.5\n", "no header"),
    ],
)
def test_what_was_read_is_told(text, told):
    assert told in read(text).told


def test_comments_are_skipped():
    X, y, _ = read("# points\nx1,x2,y\n1,2,1\n # left out: 5,6,1\n3,4,-1\n#7,8,1\n")
    assert np.array_equal(X, [[1, 2], [3, 4]])
    assert np.array_equal(y, [1, -1])


def test_one_coordinate_gives_one_column():
    X, y, _ = read("x,y\n0.5,1\n")
    assert X.shape == (1, 1)
    assert y.shape == (1,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n3,oops\n", "line 2, column 2: 'oops' is not a number"),
        ("x,y\n1,2\n\n3,\n", "line 4, column 2: '' is not a number"),
        (",x1,x2,label\n0,1.0,0.2,1\n1,0.8,-0.1,1\n", "first column has no name"),
        (",x1,x2,label\n0,1.0,0.2,1\n", "index=False"),
        (",0,1,2\n0,1.0,0.2,1\n", "index=False"),
        ("Unnamed: 0,a,y\n0,1.0,1\n1,2.0,1\n2,2.5,1\n", "'Unnamed: 0', numbers the rows"),
        ("0,1.5,1\n1,2.5,-1\n2,3.5,1\n", "numbers the rows; write the file without it"),
        ("1,1.5,1\n2,2.5,-1\n3,3.5,1\n", "or name it x1 in a header"),
        ('"a","y"\n"1",2.0,1\n', "row.names=FALSE in R"),
        ("0,1,2\n0.5,1.5,1\n", "0,1,2 may number the columns"),
        ("0,1\n0.5,1.5\n", "header=False or with names such as x1,x2,y, or a point as 0.0,1.0"),
        ("x1,x2,y\n1_0,1.0,-1\n", "column 1: '1_0' is not a number; it has an underscore"),
        ("x1,x2,y\n\u0661,1.0,-1\n", "is not a number"),
        ("x1;x2;y\n1,5;2,0;1\n", "separated by semicolons and numbers have decimal commas"),
        ('"x1";"y"\n1;2\n', "separated by semicolons; separate the columns by commas"),
        ("1,5;2,0;1\n", "decimal commas"),
        ("1\t2\t1\n", "separated by tabs"),
        ('"1,5","1"\n', "it has a decimal comma, write 1.5"),
        ("target,f1,f2\n-1,0.75,1.0\n", "column 'target' is not the last"),
        ("f1,Label,f2\n0.75,1,1.0\n", "move the targets to the end"),
        ("y,f1,f2\n1,0.75,1.0\n", "column 'y' is not the last"),
        ("f1,,y\n0.75,1,1.0\n", "column 2 has no name"),
        ("# f1,y,f2\n0.75,1,1.0\n", "line 1: column 'y' is not the last"),
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


def test_many_lines_are_read_at_once_and_a_refusal_still_names_the_line(monkeypatch):
    monkeypatch.setattr(csv_points, "BLOCK", 4)
    lines = [f"{k * k}.5,{k},1" for k in range(20)]
    X, y, _ = read("x1,x2,y\n" + "\n".join([*lines[:9], "# pause", '"81.5","9",1', *lines[10:]]))
    assert X[:, 0].tolist() == [k * k + 0.5 for k in range(20)]
    assert y.tolist() == [1] * 20
    for bad, words in (("1,x,1", "line 12, column 2"), ("1,2", "line 12: 2 columns")):
        with pytest.raises(DataError, match=words):
            read("x1,x2,y\n" + "\n".join([*lines[:10], bad, *lines[10:]]))


@pytest.mark.slow
def test_a_million_lines_take_some_seconds():
    text = b"0.25,-1.5,1\n" * 10**6
    started = time.process_time()
    X, y, _ = read(text)
    assert time.process_time() - started < 15.0
    assert X.shape == (10**6, 2)
    assert y.sum() == 10**6


def test_limits_of_size(monkeypatch):
    with pytest.raises(DataError, match="line above the limit of 4194304"):
        read(b"0" * 2**23)
    monkeypatch.setattr(csv_points, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="larger than the limit of 10 bytes"):
        read("1,2\n3,4\n5,6\n")
