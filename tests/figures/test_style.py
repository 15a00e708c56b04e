"""One style: colours without matplotlib, distinct for colour-blind readers, and rcParams that a
user cannot change.
"""

import colorsys
import itertools
import subprocess
import sys

import matplotlib
import numpy as np

from flowrepro.figures import style

MEANINGS = (
    style.POSITIVE,
    style.NEGATIVE,
    style.DEAD,
    style.DATA,
    style.LEARNED,
    style.THEORY,
    *style.ENGINES.values(),
)

# Linear RGB -> linear RGB seen without the red (protan) or green (deutan) cones (Vienot, Brettel
# and Mollon 1999).
DICHROMATS = {
    "protan": np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]]),
    "deutan": np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]]),
}


def linear_rgb(colour):
    return np.array(matplotlib.colors.to_rgb(colour)) ** 2.2


def test_colours_are_distinct_also_for_dichromats():
    assert len(set(MEANINGS)) == len(MEANINGS)
    for seen in (np.eye(3), *DICHROMATS.values()):
        shades = [np.clip(seen @ linear_rgb(colour), 0, 1) ** (1 / 2.2) for colour in MEANINGS]
        assert min(np.abs(left - right).max() for left, right in itertools.combinations(shades, 2)) > 0.1


def test_lines_are_dark_enough_on_white():
    for colour in MEANINGS[:6]:
        lightness = colorsys.rgb_to_hls(*matplotlib.colors.to_rgb(colour))[1]
        assert lightness < 0.6


def test_user_settings_are_overridden_and_come_back():
    with matplotlib.rc_context({"text.usetex": True, "font.family": "Nonexistent", "axes.grid": True, "font.size": 30}):
        with style.paper_style():
            assert matplotlib.rcParams["text.usetex"] is False
            assert matplotlib.rcParams["font.family"] == ["DejaVu Sans"]
            assert matplotlib.rcParams["axes.grid"] is False
            assert matplotlib.rcParams["font.size"] == 8.0
        assert matplotlib.rcParams["font.size"] == 30.0


def test_declaring_figures_does_not_import_matplotlib():
    script = (
        "import sys, flowrepro.papers.boursier2022.paper, flowrepro.figures.canvas; print('matplotlib' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )
