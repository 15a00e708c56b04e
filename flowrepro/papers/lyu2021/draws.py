"""Random starts; see `geometry`."""

from flowrepro.papers.lyu2021.geometry import Weights, draw, draws, probes

__all__ = ["Weights", "draw", "draws", "probes"]
