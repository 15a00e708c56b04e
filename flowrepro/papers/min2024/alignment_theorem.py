"""Old place of parts of theorem_1_alignment and lattice; for the modules that still import it from here."""

from flowrepro.papers.min2024.lattice import longest_path as longest_path
from flowrepro.papers.min2024.lattice import (
    longest_path_by_enumeration as longest_path_by_enumeration,
)
from flowrepro.papers.min2024.theorem_1_alignment import missed as missed
from flowrepro.papers.min2024.theorem_1_alignment import path_times as path_times
from flowrepro.papers.min2024.theorem_1_alignment import stay_ratios as stay_ratios
