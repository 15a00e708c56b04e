"""What tests of panels and marks share: axes drawn without a screen."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from flowrepro.figures import renderer, style
from flowrepro.figures.panels import Panel

X = np.linspace(0.1, 5.0, 20)
NAMED = {"xlabel": "x", "ylabel": "y"}


def drawn(*panels, layout=None, share=""):
    """The axes of panels side by side, and the figure."""
    figure = Canvas(figsize=(7, 3), layout="constrained")
    FigureCanvasAgg(figure)
    with style.paper_style():
        axes = renderer.draw(figure, panels, layout or (1, len(panels), 7, 3), share)
        figure.draw_without_rendering()
    return axes, figure


def alone(*marks, **look):
    """The axes of one panel with these marks."""
    return drawn(Panel(marks, **NAMED | look))[0][0]


def texts(ax):
    return {text.get_text(): text for text in ax.texts}


def shown(label):
    return label.get_text() if label.get_visible() else ""


def numbered(ax, side="y"):
    return getattr(ax, f"{side}axis").get_major_ticks()[0].label1.get_visible()
