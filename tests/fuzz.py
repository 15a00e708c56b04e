"""Fuzz what may be given to flowrepro: stored folders, options, data, plug-ins. See 'make fuzz'.

Each target is tried in turn until the time is up. Every fault is printed with what repeats it, and
at the end how many inputs each target was given and how many of them broke a command.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hostile
import hostile_plugins
import test_fuzz
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

MEMORY = 8 * 2**30
"""Bytes of address space that the script may take."""


def fault_of_example(judge: Callable[[Any], None], example: Any) -> str:
    try:
        with hostile.limited():
            judge(example)
    except hostile.Hangs:
        return "it hangs"
    except Exception as error:
        return repr(error)
    return ""


def examples(strategy: st.SearchStrategy[Any], judge: Callable[[Any], None]) -> Callable[[int, int], list[str]]:
    """What comes of COUNT examples of a strategy: a fault, or empty, for each."""

    def batch(start: int, dice: int) -> list[str]:
        found: list[str] = []

        def one(example: Any) -> None:
            fault = fault_of_example(judge, example)
            found.append(f"{example!r}"[:400] + f": {fault}" if fault else "")

        rules = settings(
            max_examples=COUNT, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        rules(seed(hash((dice, start)))(given(strategy)(one)))()
        return found

    return batch


COUNT = 40
"""Inputs of a target before the next has its turn."""
data = st.one_of(
    test_fuzz.point_files.map(lambda given: functools.partial(test_fuzz.any_points, *given)),
    test_fuzz.weight_files.map(lambda given: functools.partial(test_fuzz.any_weights, given)),
)
lines = st.one_of(
    test_fuzz.command_lines.map(lambda given: functools.partial(test_fuzz.any_command_line, given)),
    test_fuzz.grids.map(lambda given: functools.partial(test_fuzz.any_grid, given)),
)


def targets(root: Path) -> dict[str, Callable[[int, int], list[str]]]:
    """Name -> the faults of the inputs from a number on; empty for one that was survived."""
    good = hostile.make_good(root)
    return {
        "stored": lambda start, dice: [hostile.attack(good, dice, start + i) for i in range(COUNT)],
        "options": examples(lines, lambda judge: judge()),
        "data": examples(data, lambda judge: judge()),
        "plug-ins": lambda start, dice: [hostile_plugins.attack(dice, start + i) for i in range(COUNT)],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only", nargs="*", metavar="TARGET", help="stored, options, data, plug-ins")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    # a look at all that is installed would be most of a command
    importlib.metadata.entry_points = functools.cache(importlib.metadata.entry_points)
    ends, tried, broken = time.monotonic() + 60 * options.minutes, Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="flowrepro-good-") as root:
        chosen = {
            name: batch for name, batch in targets(Path(root).resolve()).items() if name in (options.only or name)
        }
        while time.monotonic() < ends:
            for name, batch in chosen.items():
                faults = batch(tried[name], options.seed)
                tried[name] += len(faults)
                for fault in filter(None, faults):
                    broken[name] += 1
                    print(f"{name}: {fault}", flush=True)
            if tried[next(iter(chosen))] % (10 * COUNT) == 0:
                print(told(options.seed, tried, broken), flush=True)
    print(told(options.seed, tried, broken))
    return 1 if broken else 0


def told(dice: int, tried: Counter[str], broken: Counter[str]) -> str:
    return f"seed {dice}: " + ", ".join(f"{name} {count} tried, {broken[name]} broken" for name, count in tried.items())


if __name__ == "__main__":
    raise SystemExit(main())
