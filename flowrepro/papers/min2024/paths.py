"""Old place of parts of activation_paths; for the modules that still import it from here."""

from flowrepro.papers.min2024.activation_paths import Path as Path
from flowrepro.papers.min2024.activation_paths import unpack as unpack
