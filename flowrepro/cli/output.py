"""What a person reads on stdout: the answer last and short, everything with ``-v``.

A case is one line: what its claims say, how long it took, its folder, what it shows. Then come the
claims that FAIL and those that hold by little, in words and with numbers; then the reasons why
others do not apply, each once with its count; and last the totals.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from flowrepro import __version__
from flowrepro.claims.verdict import LOOSE
from flowrepro.errors import UsageError

if TYPE_CHECKING:
    from flowrepro.run.pipeline import Outcome

VERDICT_STYLE = {"PASS": "green", "FAIL": "bold red", "N/A": "dim", "INFO": "cyan"}
NEAR = 1.01
"""Ratio of bound and measured value up to which a claim holds by little."""
MOST = 4
"""Near misses and reasons that are shown without -v."""
READABLE = 24
"""Least columns of a table for a text that is longer than that."""
NARROW = 16
"""Least columns beside the first word of a wrapped text."""
UNWRAPPED = 10_000

Claims = Sequence[Mapping[str, Any]]


def is_terminal(stream: TextIO) -> bool:
    """Whether tables may be drawn on a stream: a terminal, or FORCE_COLOR (unless 0)."""
    return (stream.isatty() and os.environ.get("TERM") != "dumb") or os.environ.get(
        "FORCE_COLOR", "0"
    ) != "0"


def has_style(stream: TextIO) -> bool:
    """Whether colours and bold type may be used on a stream: a terminal without NO_COLOR."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def width() -> int:
    """Columns of the terminal; no limit where nobody watches."""
    return shutil.get_terminal_size().columns if is_terminal(sys.stdout) else UNWRAPPED


def printable(text: str) -> str:
    """A text whose control characters are escaped: stored files may hold what moves a terminal."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def styled(text: str, style: str) -> str:
    """A text in a style of rich, where the terminal has styles."""
    if not has_style(sys.stdout):
        return text
    from rich.style import Style

    return Style.parse(style).render(text)


# ---- the answer


def print_answer(outcomes: Sequence[Outcome], figures: Sequence[str] = ()) -> None:
    """One line per case, what fails and what nearly does, folded reasons, totals.

    ``figures`` restricts the claims to those about these figures; the others are counted.
    """
    about = [
        {**claim, "shown": not figures or is_about(claim, figures)}
        for outcome in outcomes
        for claim in outcome.claims
    ]
    for command in dict.fromkeys(outcome.case.command for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.case.command == command]
        print(styled(command, "bold") + f"  in {own[0].directory.parent}")
        _print_cases(own)
    claims = [claim for claim in about if claim["shown"]]
    print_findings(claims)
    seconds = sum(0.0 if outcome.reused else outcome.wall_s for outcome in outcomes)
    images = len({path.with_suffix("") for outcome in outcomes for path in outcome.figures})
    totals = [count_verdicts(claims), f"{images} figure{'s' if images != 1 else ''}"]
    if len(claims) < len(about):
        totals.append(f"{len(about) - len(claims)} claims not about these figures")
    print_wrapped("", "; ".join([*totals, f"{seconds:.3g} s of computing"]))


def is_about(claim: Mapping[str, Any], figures: Sequence[str]) -> bool:
    """Whether a claim's place names one of the figures, such as '3' or 'beyond-escape'."""
    places = [part.strip() for part in claim["place"].replace(",", ";").split(";")]
    for figure in figures:
        named = f"Figure {figure.partition('-')[0]}"
        if figure in claim["id"] or any(_starts(place, named) for place in places):
            return True
    return False


def _starts(place: str, named: str) -> bool:
    return place.startswith(named) and not place[len(named) : len(named) + 1].isdigit()


def _print_cases(outcomes: Sequence[Outcome]) -> None:
    from flowrepro.run.changes import headline

    names = [outcome.directory.name for outcome in outcomes]
    told = [_told(outcome) for outcome in outcomes]
    column, counts = (min(max(map(len, words)), 34) for words in (names, told))
    for name, words, outcome in zip(names, told, outcomes, strict=True):
        took = "stored" if outcome.reused else f"{outcome.wall_s:.1f} s"
        line = f"  {name:<{column}}  {words:<{counts}}  {took:>7}"
        if len(line) > width():
            print(f"  {name}")
            print_wrapped("    ", f"{words}, {took}")
        else:
            print(cut(f"{line}  {headline(outcome.case)}", width(), len(line)))


def _told(outcome: Outcome) -> str:
    """'11 PASS, 17 N/A'."""
    counts = Counter(claim["verdict"] for claim in outcome.claims)
    told = [f"{counts[verdict]} {verdict}" for verdict in VERDICT_STYLE if counts[verdict]]
    return ", ".join(told) or "no claims"


def cut(line: str, columns: int, kept: int = 0) -> str:
    """A line of at most so many columns that ends between words; its beginning is kept, and all
    that would follow is left out where that is too little to read.
    """
    if len(line) <= columns:
        return line
    short = line[: columns - 1].rpartition(" ")[0].rstrip()
    return line[:kept] if columns - kept < READABLE else f"{short} …"


def print_findings(claims: Claims) -> None:
    """The claims that FAIL, those that hold by little, and why others do not apply."""
    print_notable(claims)
    print_reasons(claims)


def print_notable(claims: Claims) -> None:
    """The claims that FAIL and those that hold by little, in words."""
    failed = [claim for claim in claims if claim["verdict"] == "FAIL"]
    near = [claim for claim in claims if claim["verdict"] == "PASS" and _is_near(claim)]
    for claim in failed:
        _print_claim(claim, "FAIL")
    for claim in near[:MOST]:
        print_wrapped(
            f"{styled('near', 'yellow')}  ", f"{_named(claim)}: {_compared(claim)}", "      "
        )
    if len(near) > MOST:
        more = f"{len(near) - MOST} more claims hold by less than {NEAR - 1:.0%} (-v)"
        print_wrapped("near  ", more)


def print_reasons(claims: Claims) -> None:
    """Why claims do not apply, each reason once with its count."""
    reasons = Counter(claim["note"] for claim in claims if claim["verdict"] == "N/A")
    for reason, count in reasons.most_common(MOST):
        print_wrapped(f"N/A {count:>3}  ", reason)
    if len(reasons) > MOST:
        left = sum(count for _, count in reasons.most_common()[MOST:])
        print_wrapped(f"N/A {left:>3}  ", f"for {len(reasons) - MOST} other reasons (-v)")


def _is_near(claim: Mapping[str, Any]) -> bool:
    ratio = claim.get("ratio")
    return isinstance(ratio, int | float) and 1.0 <= ratio < NEAR and claim.get("label") == ""


def _named(claim: Mapping[str, Any]) -> str:
    return f"{claim['id']} ({claim['case']})"


def _compared(claim: Mapping[str, Any]) -> str:
    return f"measured {number(claim['measured'], 3)}, required {required(claim)}"


def _print_claim(claim: Mapping[str, Any], word: str) -> None:
    first = styled(word, VERDICT_STYLE[word]) + "  "
    print_wrapped(first, f"{_named(claim)}  {claim['place'].partition(', ')[2]}", "      ")
    print_wrapped("      ", claim["sentence"])
    text = f"{_compared(claim)}{_by(claim)}" if claim["relation"] else claim["note"]
    print_wrapped("      ", text)


def required(claim: Mapping[str, Any]) -> str:
    """'<= 0.02', or 'in [1, 2]'."""
    return f"{claim['relation']} {number(claim['bound'], 3)}"


def _by(claim: Mapping[str, Any]) -> str:
    ratio = claim.get("ratio")
    if not isinstance(ratio, int | float) or ratio <= 0:
        return ""
    return (
        f" (misses by a factor of {1 / ratio:.3g})"
        if ratio < 1
        else f" (holds by a factor of {ratio:.3g})"
    )


def print_wrapped(first: str, text: str, indent: str | None = None, most: int | None = 3) -> None:
    """A text within the terminal, its lines cut between words only; at most ``most`` of them.

    Later lines are indented by ``indent``, which must be as wide as ``first`` is on the screen
    (default: as many blanks as ``first`` has letters). A first word that leaves too little room
    stands on a line of its own.
    """
    indent = " " * len(first) if indent is None else indent
    if width() - len(indent) < NARROW:
        print(first.rstrip())
        first = indent = "    "
    lines = textwrap.wrap(
        printable(text), max(NARROW, width() - len(indent)), max_lines=most, placeholder=" …",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    for k, line in enumerate(lines or [""]):
        print(((first if k == 0 else indent) + line).rstrip())


def count_verdicts(claims: Claims) -> str:
    """'12 PASS (2 loose, 1 identity), 0 FAIL, 3 N/A, 1 INFO'."""
    counts = Counter(claim["verdict"] for claim in claims)
    passed = [claim for claim in claims if claim["verdict"] == "PASS"]
    kinds = {
        "loose": sum(is_loose(claim) for claim in passed),
        "identities": sum(claim.get("label") == "identity" for claim in passed),
        "of the engine": sum(claim.get("label") == "engine" for claim in passed),
    }
    among = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
    told = {verdict: f"{counts[verdict]} {verdict}" for verdict in VERDICT_STYLE}
    if among:
        told["PASS"] += f" ({among})"
    return ", ".join(told.values())


def is_loose(claim: Mapping[str, Any]) -> bool:
    """Whether the bound could be tightened more than a hundred times."""
    ratio = claim.get("ratio")
    return ratio == "inf" or (isinstance(ratio, int | float) and ratio > LOOSE)


# ---- everything


def print_table(
    title: str,
    header: Sequence[str],
    lines: Iterable[Sequence[str]],
    styles: dict[str, str] | None = None,
) -> None:
    """A table on stdout: drawn by rich on a terminal, tab-separated lines elsewhere."""
    cases = [[printable(str(cell)) for cell in line] for line in lines]
    if not is_terminal(sys.stdout):
        for case in ([*header], *cases):
            print("\t".join(case))
        return
    widths = _widths(header, cases, width())
    if widths is None:
        _print_list(title, header, cases, styles)
        return
    from rich.console import Console as RichConsole
    from rich.style import Style
    from rich.table import Table
    from rich.text import Text

    plain = not has_style(sys.stdout)
    table = Table(
        title=printable(title),
        title_justify="left",
        title_style=Style() if plain else None,
        header_style=Style() if plain else None,
    )
    for name, columns in zip(header, widths, strict=True):
        table.add_column(name, overflow="fold", width=columns)
    for case in cases:
        style = "" if plain else (styles or {}).get(case[0], "")
        table.add_row(Text(case[0], style=style), *(Text(cell) for cell in case[1:]))
    RichConsole().print(table)


def _widths(
    header: Sequence[str], cases: Sequence[Sequence[str]], columns: int
) -> list[int] | None:
    """Widths of a table's columns in which no word is split; None where there is too little room.

    Room that is left goes where most lines are saved.
    """
    cells = [[name, *column] for name, *column in zip(header, *cases, strict=True)]
    natural = [max(map(len, column)) for column in cells]
    words = [max(len(word) for cell in column for word in cell.split() or "-") for column in cells]
    widths = [max(word, min(full, READABLE)) for word, full in zip(words, natural, strict=True)]
    room = columns - 3 * len(widths) - 1 - sum(widths)
    for _ in range(min(room, sum(natural))):
        k = max(range(len(widths)), key=lambda k: natural[k] / widths[k])
        widths[k] += natural[k] > widths[k]
    return widths if room >= 0 else None


def _print_list(
    title: str, header: Sequence[str], cases: Sequence[Sequence[str]],
    styles: dict[str, str] | None, most: int | None = 6,
) -> None:  # fmt: skip
    """A table as a list: a block for each line, at most ``most`` lines of text for each cell."""
    print(styled(printable(title), "bold"))
    own = 2 if styles else 1  # verdict and claim, or a name, stand above the others
    column = max(map(len, header[own:]))
    for case in cases:
        if len(header) == 2:
            print_wrapped(f"{case[0]:<{max(len(line[0]) for line in cases)}}  ", case[1], most=most)
            continue
        print(styled("  ".join(case[:own]), (styles or {}).get(case[0], "bold")))
        for name, cell in zip(header[own:], case[own:], strict=True):
            if cell:
                print_wrapped(f"    {name:<{column}}  ", cell, most=most)


def print_blocks(title: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """As `print_table`, for long cells: on a terminal of any width a list of all their text."""
    if is_terminal(sys.stdout):
        _print_list(title, header, [[*map(printable, line)] for line in lines], None, most=None)
    else:
        print_table(title, header, lines)


def number(value: Any, digits: int = 6) -> str:
    """A number of a verdict; pairs as [low, high]; '-' for none."""
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return f"[{number(value[0], digits)}, {number(value[1], digits)}]"
    return value if isinstance(value, str) else f"{value:.{digits}g}"


def print_claims(claims: Claims) -> None:
    """The table of verdicts and one line that counts them."""
    header = ("verdict", "claim", "case", "measured", "bound", "slack", "statement", "note")
    lines = [
        (
            claim["verdict"],
            claim["id"],
            claim["case"],
            number(claim["measured"]),
            f"{claim['relation']} {number(claim['bound'])}" if claim["relation"] else "-",
            number(claim["slack"]),
            claim["place"],
            claim["note"],
        )
        for claim in claims
    ]
    print_table("claims", header, lines, VERDICT_STYLE)
    print_wrapped("", count_verdicts(claims))


def show_warning(
    message: Warning | str, category: type[Warning], *place: object, **more: object
) -> None:
    """One line, without the source that a user does not know."""
    print(f"flowrepro: warning: {message}", file=sys.stderr)


def repair_streams() -> None:
    """Streams that were closed lead nowhere; characters that a locale lacks are escaped."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        getattr(sys, name).reconfigure(errors="backslashreplace")


def report_internal_error(error: Exception) -> int:
    """Keep the traceback in a file, show one sentence; it names the plug-in that is at fault."""
    import tempfile

    with tempfile.NamedTemporaryFile(
        "w", prefix="flowrepro-error-", suffix=".txt", delete=False
    ) as report:
        report.write(f"flowrepro {__version__}\n{sys.argv}\n{traceback.format_exc()}")
    what, details = f"{type(error).__name__}: {error}", f"the details are in {report.name}"
    plugins = sys.modules.get("flowrepro.papers.plugins")  # not there: none was added
    if line := plugins.line_at_fault(error) if plugins else "":
        print(f"flowrepro: plug-in {line}, raises {what}; correct it; {details}", file=sys.stderr)
        return UsageError.exit_code
    print(f"flowrepro: internal error ({what}); {details}", file=sys.stderr)
    return 1
