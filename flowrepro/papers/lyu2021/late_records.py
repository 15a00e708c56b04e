"""A place in the paper, for modules that still declare by name. Goes with the last of them."""

from __future__ import annotations

from flowrepro.claims.old_verdict import Ref


def ref(place: str) -> Ref:
    """A place in the paper."""
    return Ref("lyu2021", place)
