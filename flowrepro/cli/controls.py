"""The command controls: which wrong results each claim notices."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from flowrepro.cli.stored import JSON, RUNS, VERBOSE, intact


@click.command(short_help="Which wrong results each claim on stored runs notices.")
@RUNS
@JSON
@VERBOSE
def controls(runs: Sequence[Path], as_json: bool, verbose: bool) -> int:
    """Judge every claim that passes on stored runs also on wrong results made from them.

    A claim has teeth on a run if it fails on at least one control: records that never move, run
    backwards, or are noise; other points or labels; numbers three times as large. Prints the claims
    that fail on none, with -v what each claim says on each control. Nothing is stored.
    """
    from flowrepro.claims.controls import CONTROLS, OWN, outcomes
    from flowrepro.claims.verdict import Verdict
    from flowrepro.cli.output import print_table
    from flowrepro.papers import registry
    from flowrepro.run.results import load

    found: list[dict[str, Any]] = []
    for path in runs:
        result = load(intact(path))
        for claim in registry.claims_of(result.case):
            if claim.judge(result).verdict is Verdict.PASS:
                with _lapack_silenced():
                    said = outcomes(claim, result)
                about = {"id": claim.id, "case": result.case.name, "label": claim.label}
                found.append({**about, "controls": said})
    if as_json:
        print(json.dumps({"claims": found}, indent=2))
        return 0
    toothless = [one for one in found if "FAIL" not in one["controls"].values()]
    for one in found if verbose else toothless:
        fails = [name for name, said in one["controls"].items() if said == "FAIL"]
        why = f"fails on {', '.join(fails)}" if fails else "fails on no control"
        print(f"{one['case']} {one['id']}: {one['label'] or why}")
    if verbose:
        meanings = [(control.name, control.sentence) for control in CONTROLS]
        print_table("controls", ("control", "wrong result"), [*meanings, (OWN, "the claim's own")])
    print(f"{len(found)} claims pass; {len(found) - len(toothless)} of them fail on a control")
    return 0


@contextlib.contextmanager
def _lapack_silenced() -> Iterator[None]:
    """LAPACK, given a nan, writes on stdout by itself, which belongs to our data."""
    library = ctypes.CDLL(None)
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        library.fflush(None)
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
