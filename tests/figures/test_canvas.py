"""Saving: the same bytes whatever the environment, formats and metadata."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from flowrepro.errors import UsageError
from flowrepro.figures import Figure, canvas

METADATA = {
    "experiment": "orthogonal",
    "row": "toy",
    "seed": "0",
    "scale": "1e-06",
    "step": "0,4000",
    "engine": "fused",
}


def draw_sample(axes, count):
    left, right = axes
    left.plot(np.arange(10), np.arange(10) ** 2, label="$x^2$")
    left.set_xlabel(r"$-w_{j,2}/w_{j,1}$")
    left.legend()
    right.scatter(np.linspace(0, 1, count), np.linspace(0, 1, count) ** 2)
    right.plot(np.linspace(0, 1, count), np.linspace(1, 0, count), ".")


SAMPLE = Figure(
    "S", "sample", ("toy",), "A sample figure", (1, 2, 6.0, 3.0), lambda run: None, draw_sample
)

SCRIPT = """
import sys, hashlib
sys.path.insert(0, {folder!r})
from test_canvas import SAMPLE, METADATA
from flowrepro.figures import canvas
for name, content in canvas.render(SAMPLE, 30, METADATA).items():
    print(name, hashlib.sha256(content).hexdigest())
"""


def hashes_elsewhere(folder, **environment):
    script = SCRIPT.format(folder=folder)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_bytes_do_not_depend_on_process_environment_or_user_style(tmp_path):
    """A hostile matplotlibrc, backend, configuration folder, hash seed and epoch change no byte."""
    style_file = tmp_path / "matplotlibrc"
    style_file.write_text(
        "text.usetex: True\nfont.family: Nonexistent\nfont.size: 30\nbackend: TkAgg\nfigure.dpi: "
        "abc\naxes.grid: True\nsvg.fonttype: none\n"
    )
    here = os.path.dirname(__file__)
    plain = hashes_elsewhere(here, PYTHONHASHSEED="1")
    hostile = hashes_elsewhere(
        here,
        PYTHONHASHSEED="2",
        MATPLOTLIBRC=str(style_file),
        MPLBACKEND="nonsense",
        MPLCONFIGDIR="/proc/nowhere",
        SOURCE_DATE_EPOCH="12345",
        DISPLAY="",
    )
    assert plain == hostile
    assert len(plain.splitlines()) == 3


def test_second_rendering_and_fewer_formats_give_the_same_bytes():
    every = canvas.render(SAMPLE, 30, METADATA)
    assert list(every) == ["pdf", "png", "svg"]
    for name in canvas.FORMATS:
        assert canvas.render(SAMPLE, 30, METADATA, [name]) == {name: every[name]}


def test_style_is_undone_afterwards():
    import matplotlib

    before = dict(matplotlib.rcParams)
    canvas.render(SAMPLE, 30, METADATA, ["png"])
    assert dict(matplotlib.rcParams) == before


def test_metadata_is_in_every_file_and_no_date():
    files = canvas.render(SAMPLE, 30, METADATA)
    png = Image.open(io.BytesIO(files["png"]))
    assert {key: png.text[key] for key in METADATA} == METADATA
    assert png.text["Description"] == SAMPLE.caption
    assert (
        b"/Keywords (experiment=orthogonal; row=toy; seed=0; scale=1e-06; step=0,4000; engine=fused)"
        in files["pdf"]
    )
    assert b"<rdf:li>scale=1e-06</rdf:li>" in files["svg"]
    assert b"CreationDate" not in files["pdf"]
    assert b"<dc:date>" not in files["svg"]


def test_size_is_that_of_the_layout():
    png = Image.open(io.BytesIO(canvas.render(SAMPLE, 30, METADATA, ["png"])["png"]))
    assert png.size == (1200, 600)


def test_dense_scatter_is_rasterised():
    sparse, dense = (
        canvas.render(SAMPLE, count, METADATA, ["svg"])["svg"] for count in (100, 20_000)
    )
    assert b"<image" not in sparse
    assert b"<image" in dense
    assert len(dense) < 300_000


def test_unknown_format_names_the_known_ones():
    with pytest.raises(UsageError, match="pdf, png, svg, not as 'gif'"):
        canvas.render(SAMPLE, 30, METADATA, ["png", "gif"])


@pytest.mark.parametrize("epoch", ["abc", "1.5", "9" * 30])
def test_bad_epoch_is_named(monkeypatch, epoch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        canvas.render(SAMPLE, 30, METADATA, ["png"])


def test_empty_epoch_counts_as_unset(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    assert canvas.render(SAMPLE, 30, METADATA, ["pdf"])["pdf"].startswith(b"%PDF")
