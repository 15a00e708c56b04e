"""What `flowrepro train` answers: a line per run, the claims by paper, what to try next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flowrepro.cli.experiments import outcome_json

if TYPE_CHECKING:
    from flowrepro.api.judge import Claims
    from flowrepro.api.run import Run
    from flowrepro.run.pipeline import Outcome


class Start(NamedTuple):
    """A scale, as it was written, and a seed."""

    scale: str
    seed: int

    @property
    def label(self) -> str:
        """'scale 1e-4, seed 0'."""
        return f"scale {self.scale}, seed {self.seed}"


class Trained(NamedTuple):
    """A start, the run from it, its verdicts, and what is stored of it."""

    start: Start
    run: Run
    claims: Claims
    outcome: Outcome


def trained_json(done: Sequence[Trained], advice: Sequence[str]) -> dict[str, Any]:
    """The object that ``--json`` prints."""
    runs = [
        {
            **outcome_json(one.outcome),
            "scale": one.start.scale,
            "seed": one.start.seed,
            "dataset": one.run.result.dataset.note,
            "t": one.run.stop.t,
            "loss": [float(one.run.loss[0]), float(one.run.loss[-1])],
        }
        for one in done
    ]
    stored = [one.outcome for one in done]
    verdicts = [
        {**claim, "dir": str(outcome.directory)} for outcome in stored for claim in outcome.claims
    ]
    images = [str(path) for outcome in stored for path in outcome.figures]
    return {"runs": runs, "claims": verdicts, "figures": images, "next": list(advice)}


def print_trained(
    file: Path, done: Sequence[Trained], advice: Sequence[str], verbose: bool
) -> None:
    """The answer on stdout."""
    from flowrepro.cli import output

    claims = [{**claim, "case": one.start.label} for one in done for claim in one.outcome.claims]
    if verbose:
        output.print_claims(claims)
    print(output.styled(file.name, "bold") + f"  in {done[0].outcome.directory.parent}")
    for one in done:
        loss, stop = one.run.loss, one.run.stop
        went = f"loss {loss[0]:.3g} -> {loss[-1]:.3g} at t = {stop.t:.4g}"
        name = one.outcome.directory.name
        output.print_wrapped("  ", f"{name}  {one.start.label}  {went}  {one.run.wall_s:.1f} s")
    papers = dict.fromkeys(claim["place"].partition(", ")[0] for claim in claims)
    for paper in papers:
        own = [claim for claim in claims if claim["place"].startswith(f"{paper}, ")]
        judged = [claim for claim in own if claim["verdict"] != "N/A"]
        if judged:
            print(f"{output.styled(paper, 'bold')}  {output.count_verdicts(judged)}")
            output.print_notable(judged)
    output.print_reasons(claims)
    for sentence in advice:
        output.print_wrapped("try  ", sentence)
