"""What the papers state of a run, judged: the verdicts as a list that prints as a table."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from flowrepro.api.run import Run
from flowrepro.claims.verdict import LOOSE, Limit, Part
from flowrepro.errors import UsageError
from flowrepro.run.pipeline import evaluate

COLUMNS = ("verdict", "claim", "measured", "bound", "ratio", "place")


@dataclass(frozen=True)
class Judged:
    """One claim and its verdict on a run.

    Attributes
    ----------
    verdict : "PASS", "FAIL" or "INFO" (a number without a bound).
    sentence : the statement in words. place : the paper and the place in it.
    measured : float; relation : "<=", ">=", "in" or ""; bound : float, a pair, or None.
    ratio : how many times the bound could be tightened; nan where that has no meaning, above 100 it
        is loose.
    note : what was measured.
    """

    id: str
    verdict: str
    sentence: str
    place: str
    measured: float
    relation: str
    bound: float | tuple[float, float] | None
    ratio: float
    note: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The entries of COLUMNS as text."""
        bound = "" if self.bound is None else f"{self.relation} {_text(self.bound)}"
        ratio = (
            ""
            if math.isnan(self.ratio)
            else f"{self.ratio:.3g}{' loose' if self.ratio > LOOSE else ''}"
        )
        return self.verdict, self.id, _text(self.measured), bound, ratio, self.place


class Claims(Sequence[Judged]):
    """The claims that apply to a run, in the order of the papers.

    Attributes
    ----------
    not_applicable : reason -> ids of the claims whose hypotheses fail for it.
    limits : reason -> the setting that is too large, where that is the reason.
    """

    def __init__(
        self,
        judged: Sequence[Judged],
        not_applicable: dict[str, tuple[str, ...]],
        limits: Mapping[str, Limit] | None = None,
    ) -> None:
        self._judged, self.not_applicable = tuple(judged), not_applicable
        self.limits = dict(limits or {})

    @overload
    def __getitem__(self, index: int) -> Judged: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Judged]: ...
    def __getitem__(self, index: int | slice) -> Judged | Sequence[Judged]:
        return self._judged[index]

    def __len__(self) -> int:
        return len(self._judged)

    def __iter__(self) -> Iterator[Judged]:
        return iter(self._judged)

    def having(self, verdict: str) -> tuple[Judged, ...]:
        """Those with a verdict, "FAIL" for instance."""
        return tuple(claim for claim in self._judged if claim.verdict == verdict)

    @property
    def counts(self) -> str:
        """'7 PASS, 0 FAIL, 2 INFO; 63 do not apply, for 12 reasons'."""
        told = ", ".join(f"{len(self.having(name))} {name}" for name in ("PASS", "FAIL", "INFO"))
        others = sum(map(len, self.not_applicable.values()))
        return f"{told}; {others} do not apply, for {len(self.not_applicable)} reasons"

    def __repr__(self) -> str:
        """A table, and one line for each reason why claims do not apply."""
        rows = [COLUMNS, *(claim.cells for claim in self._judged)]
        widths = [max(len(row[k]) for row in rows) for k in range(len(COLUMNS))]
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        told = [f"    {claim.sentence}" for claim in self._judged]
        lines[1:] = [text for pair in zip(lines[1:], told, strict=True) for text in pair]
        reasons = [f"N/A ({len(ids)}): {reason}" for reason, ids in self.not_applicable.items()]
        return "\n".join([*lines, self.counts, *reasons])

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], kind: str, title: str = "") -> str:
            inner = "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in cells)
            return f'<tr title="{html.escape(title)}">{inner}</tr>'

        body = "".join(row(claim.cells, "td", claim.sentence) for claim in self._judged)
        reasons = "".join(
            f"<li>{len(ids)}: {html.escape(reason)}</li>"
            for reason, ids in self.not_applicable.items()
        )
        return (
            f"<table>{row(COLUMNS, 'th')}{body}</table><p>{html.escape(self.counts)}</p>"
            f"<details><summary>why they do not apply</summary><ul>{reasons}</ul></details>"
        )


def claims(run: Run) -> Claims:
    """Judge a run by every claim of all papers whose hypotheses hold on it.

    Parameters
    ----------
    run : Run
        One of `flow` or `descend`; a run of a paper's own case is judged by that paper's claims for
        it.

    Returns
    -------
    Claims
        A sequence of `Judged`; the claims that do not apply are in ``not_applicable``, by reason.

    Examples
    --------
    >>> import numpy as np, flowrepro as fr
    >>> W, a = fr.init.balanced(m=20, d=2, scale=1e-6, seed=0)
    >>> found = fr.claims(fr.flow(np.eye(2), [1.0, -0.5], W, a, t=100.0))
    >>> found.having("FAIL")
    ()
    """
    if not isinstance(run, Run):
        raise UsageError(
            f"claims judges a run of fr.flow, fr.descend or fr.load, not {type(run).__name__}"
        )
    judged: list[Judged] = []
    folded: dict[str, list[str]] = {}
    limits: dict[str, Limit] = {}
    for form in evaluate(run.result):
        if form["verdict"] == "N/A":
            folded.setdefault(str(form["note"]), []).append(str(form["id"]))
            if "limit" in form:
                limits[str(form["note"])] = Limit(**form["limit"])
        else:
            judged.append(of_form(form))
    return Claims(judged, {reason: tuple(ids) for reason, ids in folded.items()}, limits)


def of_form(form: Mapping[str, Any]) -> Judged:
    """A claim from its form in claims.json, unless it is N/A."""
    bound: Any = form["bound"]
    bound = (
        tuple(map(_number, bound))
        if isinstance(bound, list | tuple)
        else None
        if bound is None
        else _number(bound)
    )
    part = Part("", _number(form["measured"]), form["relation"] or "", bound)
    return Judged(
        str(form["id"]), str(form["verdict"]), str(form["sentence"]), str(form["place"]),
        part.measured, part.relation, part.bound, part.ratio, str(form["note"]),
    )  # fmt: skip


def _number(value: Any) -> float:
    """A number of JSON: null is nan, "inf" and "-inf" are infinities."""
    return math.nan if value is None else float(value)


def _text(value: float | tuple[float, float]) -> str:
    return f"[{value[0]:.4g}, {value[1]:.4g}]" if isinstance(value, tuple) else f"{value:.4g}"
