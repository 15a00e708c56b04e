"""The contents of min2024."""

from flowrepro.papers.legacy import contents_of
from flowrepro.papers.min2024 import PAPER

CONTENTS = contents_of(PAPER)
