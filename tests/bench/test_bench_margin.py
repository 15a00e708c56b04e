"""The benchmark of margins reached in the same time; no test depends on a clock."""

from __future__ import annotations

import pytest

from flowrepro.bench import margin as bench_margin
from flowrepro.bench.margin import compare_margin
from flowrepro.core.overrides import override
from flowrepro.papers.lyu2021.figure_1_kkt_networks import LEFT


def test_both_sides_train_the_same_net(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_margin.time, "perf_counter", lambda: 0.0)
    done = compare_margin(10.0, override(LEFT, {"options.m": 20}))
    assert (done.unit, done.target) == ("q", ">= 50")
    assert done.ours >= 10.0
    assert abs(done.plain) < 1e-3  # still at the scale of the start
    assert "n=6, d=2, m=20, 0.00 s each" in done.note
    assert "in 20 plain steps" in done.note


def test_a_plain_loop_that_does_not_separate_the_points_is_infinitely_far_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench_margin.time, "perf_counter", lambda: 0.0)
    monkeypatch.setattr(bench_margin, "BATCH", 1)
    done = compare_margin(10.0, LEFT)
    assert done.plain < 0
    assert done.ratio == float("inf")
    assert done.met == "yes"
