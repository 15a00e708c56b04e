"""The contents of lyu2021."""

from flowrepro.papers.legacy import contents_of
from flowrepro.papers.lyu2021 import PAPER

CONTENTS = contents_of(PAPER)
