"""Saving: the same bytes whatever the environment, formats and metadata."""

import functools
import hashlib
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from flowrepro.errors import UsageError
from flowrepro.figures import canvas, style
from flowrepro.figures.declare import Picture
from flowrepro.figures.panels import Line, Panel, Points

METADATA = {
    "experiment": "orthogonal",
    "case": "toy",
    "seed": "0",
    "scale": "1e-06",
    "step": "0,4000",
    "engine": "fused",
}


LAYOUT = (1, 2, 6.0, 3.0)


def sample(count):
    """A line with mathematics in its label, and a scatter plot of so many points."""
    x = np.linspace(0, 1, count)
    curve = Line(np.arange(10), np.arange(10) ** 2, label="$x^2$")
    left = Panel([curve], xlabel=r"$-w_{j,2}/w_{j,1}$", ylabel="$y$", legend="upper left")
    scatter = [Points(x, x**2), Line(x, 1 - x, dash="none", marker=".", colour=style.DATA)]
    return Picture((left, Panel(scatter, xlabel="$x$", ylabel="$z$")), "A sample figure.")


def render(count=30, formats=canvas.FORMATS, **more):
    return canvas.render(sample(count), LAYOUT, METADATA, formats, **more)


@functools.cache
def rendered():
    """The sample in all formats."""
    return render()


def hashes(files):
    return "".join(f"{name} {hashlib.sha256(files[name]).hexdigest()}\n" for name in files)


@pytest.mark.slow
def test_bytes_do_not_depend_on_process_environment_or_user_style(tmp_path):
    """A hostile matplotlibrc, backend, configuration folder, hash seed and epoch change no byte."""
    style_file = tmp_path / "matplotlibrc"
    style_file.write_text(
        "text.usetex: True\nfont.family: Nonexistent\nfont.size: 30\nbackend: TkAgg\nfigure.dpi: "
        "abc\naxes.grid: True\nsvg.fonttype: none\n"
    )
    script = f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
    hostile = {
        "PYTHONHASHSEED": "2", "MATPLOTLIBRC": str(style_file), "MPLBACKEND": "nonsense",
        "MPLCONFIGDIR": "/proc/nowhere", "SOURCE_DATE_EPOCH": "12345", "DISPLAY": "",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script + "import test_canvas as t; print(t.hashes(t.render()), end='')"],
        env={**os.environ, **hostile},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == hashes(rendered())
    assert len(done.stdout.splitlines()) == 3


@pytest.mark.slow
def test_second_rendering_and_fewer_formats_give_the_same_bytes():
    every = rendered()
    assert list(every) == ["pdf", "png", "svg"]
    for name in canvas.FORMATS:
        assert render(formats=[name]) == {name: every[name]}


def test_style_is_undone_afterwards():
    import matplotlib

    before = dict(matplotlib.rcParams)
    render(formats=["png"])
    assert dict(matplotlib.rcParams) == before


def test_metadata_is_in_every_file_and_no_date():
    files = rendered()
    png = Image.open(io.BytesIO(files["png"]))
    assert {key: png.text[key] for key in METADATA} == METADATA
    assert png.text["Description"] == "A sample figure."
    keywords = "; ".join(f"{key}={value}" for key, value in METADATA.items())
    assert f"/Keywords ({keywords})".encode() in files["pdf"]
    assert b"<rdf:li>scale=1e-06</rdf:li>" in files["svg"]
    assert b"CreationDate" not in files["pdf"]
    assert b"<dc:date>" not in files["svg"]


def test_a_given_caption_takes_the_place_of_the_picture_s_own():
    files = render(caption="Another caption.")
    png = Image.open(io.BytesIO(files["png"]))
    assert png.text["Description"] == "Another caption."
    assert b"Another caption." in files["svg"]
    assert b"/Subject (Another caption.)" in files["pdf"]


@pytest.mark.slow
def test_a_shared_scale_changes_the_image():
    assert render(formats=["svg"], share="y") == render(formats=["svg"])
    panels = tuple(Panel([Line([0, 1], [0, k])], xlabel="$x$", ylabel="$y$") for k in (1, 5))
    alone, shared = (
        canvas.render(Picture(panels, "Two."), LAYOUT, METADATA, ["svg"], share=share)["svg"] for share in ("", "y")
    )
    assert alone != shared


def test_size_is_that_of_the_layout():
    png = Image.open(io.BytesIO(render(formats=["png"])["png"]))
    assert png.size == (1200, 600)


def test_dense_scatter_is_rasterised():
    sparse, dense = (render(count, ["svg"])["svg"] for count in (100, 20_000))
    assert b"<image" not in sparse
    assert b"<image" in dense
    assert len(dense) < 300_000


def test_unknown_format_names_the_known_ones():
    with pytest.raises(UsageError, match="pdf, png, svg, not as 'gif'"):
        render(formats=["png", "gif"])


@pytest.mark.parametrize("epoch", ["abc", "1.5", "9" * 30])
def test_bad_epoch_is_named(monkeypatch, epoch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        render(formats=["png"])


def test_empty_epoch_counts_as_unset(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    assert render(formats=["pdf"])["pdf"].startswith(b"%PDF")
