"""Mutated run folders: no command that reads one crashes, hangs, or writes elsewhere."""

from __future__ import annotations

from pathlib import Path

import hostile
import pytest

pytestmark = pytest.mark.filterwarnings("default")
SEED, FEW, MANY = 0, 25, 3_000
"""Mutations by default, and in the slow suite; 'make fuzz' makes them for as long as is asked."""
BROKE: tuple[tuple[int, int], ...] = (
    (2, 16), (7, 1442), (7, 2057), (7, 2647), (7, 2941), (7, 3070), (8, 1483), (8, 1668), (8, 1853),
    (8, 2040), (8, 2423), (8, 2793), (8, 2834), (8, 3151), (2611, 9840),
)  # fmt: skip
"""(seed, number) of every mutation that once broke a command."""


def test_a_few_mutations(good_folders: dict[str, Path]) -> None:
    faults = [hostile.attack(good_folders, SEED, number) for number in range(FEW)]
    assert [fault for fault in faults if fault] == []


@pytest.mark.parametrize(("seed", "number"), BROKE)
def test_what_once_broke(good_folders: dict[str, Path], seed: int, number: int) -> None:
    assert hostile.attack(good_folders, seed, number) == ""


@pytest.mark.slow
@pytest.mark.long
def test_thousands_of_mutations(good_folders: dict[str, Path]) -> None:
    faults = [hostile.attack(good_folders, SEED + 1, number) for number in range(MANY)]
    assert [fault for fault in faults if fault] == []


def test_the_judge_sees_a_crash_a_hang_and_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hostile.fault_of(lambda: (1, "flowrepro: internal error"), {0, 3})
    assert hostile.fault_of(lambda: (3, "Traceback"), {0, 3})
    assert hostile.fault_of(lambda: (3, ""), {0, 3})
    assert hostile.fault_of(lambda: (3, "flowrepro: it is damaged"), {0, 3}) == ""
    monkeypatch.setattr(hostile, "HANGS", 0.05)

    def endless() -> tuple[int, str]:
        while True:
            pass

    assert "hangs" in hostile.fault_of(endless, {0, 3})


def test_the_judge_sees_a_write_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    before = hostile.surroundings(tmp_path, tmp_path / "own")
    (tmp_path / "own" / "x").write_text("1")
    assert hostile.surroundings(tmp_path, tmp_path / "own") == before
    (tmp_path / "x").write_text("1")
    assert hostile.surroundings(tmp_path, tmp_path / "own") != before
