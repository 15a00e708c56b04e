"""From a case to its folder: compute, judge, draw, store."""
