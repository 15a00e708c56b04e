"""Old place of flow_states, hypotheses and constants; for the modules that still import it from here."""

from flowrepro.claims.old_verdict import Ref
from flowrepro.papers.min2024.constants import points_of as points_of
from flowrepro.papers.min2024.flow_states import Stays as Stays
from flowrepro.papers.min2024.flow_states import fit_times as fit_times
from flowrepro.papers.min2024.flow_states import read_states as read_states
from flowrepro.papers.min2024.flow_states import stays_with_traps as stays_with_traps
from flowrepro.papers.min2024.hypotheses import assumption_1 as assumption_1


def ref(place: str) -> Ref:
    """A place in the paper."""
    return Ref("min2024", place)
