"""Old place of parts of equation_4_force; for the modules that still import it from here."""

from flowrepro.papers.min2024.equation_4_force import ExtremeVector as ExtremeVector
from flowrepro.papers.min2024.equation_4_force import active_sum as active_sum
from flowrepro.papers.min2024.equation_4_force import extreme_vector as extreme_vector
