"""The contents of boursier2024."""

from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.legacy import contents_of

CONTENTS = contents_of(PAPER)
