"""The contents of boursier2022."""

from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.legacy import contents_of

CONTENTS = contents_of(PAPER)
