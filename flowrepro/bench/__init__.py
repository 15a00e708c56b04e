"""Timings of our engines beside their peers, in one process."""
