"""Figures: style, and saving that gives the same bytes twice. The papers' figures are in
``papers/``.

style.py         fonts, sizes and the one colour of every meaning
marks.py         lines, points, heat maps, texts as data
panels.py        panels as data: marks with the axes around them
declare.py       a figure and a film, declared by a function that returns panels
renderer.py      panels -> axes, with the rules that hold for every figure
draw_marks.py    each kind of mark on axes of matplotlib
canvas.py        a declared figure and its data -> bytes of PDF, PNG and SVG
numbers.py       the numbers behind a figure as JSON, and their comparison
line_panels.py   the learned function on the line with the kinks of its neurons
"""

from flowrepro.errors import UsageError


class NotDrawable(UsageError):
    """Raised by a figure's function: this result cannot be drawn that way; the message says why."""
