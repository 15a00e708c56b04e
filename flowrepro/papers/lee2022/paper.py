"""The contents of lee2022."""

from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.legacy import contents_of

CONTENTS = contents_of(PAPER)
