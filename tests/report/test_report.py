"""The report: everything of the runs is in it, images inside, text escaped; a browser opens it
without an error, filters it, and shows it on a telephone and in the dark.
"""

from __future__ import annotations

import html as escaping
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
from command_line import Result, quiet

from flowrepro.papers import registry
from flowrepro.report import page as report
from flowrepro.store.reading import read_json

Flowrepro = Callable[..., Result]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three stored runs of two papers with figures, in a folder with an awkward name."""
    from flowrepro.core.overrides import override
    from flowrepro.papers.boursier2022.figure_5_lazy import LAZY
    from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
    from flowrepro.papers.registry import find_case
    from flowrepro.run.kind import Settings
    from flowrepro.run.pipeline import execute

    root = tmp_path_factory.mktemp("runs <&> here")
    settings = Settings(root=root, formats=("png",))
    short = [override(TOY, {"n_steps": 300, "geometric": 0}), override(LAZY, {"n_steps": 50})]
    execute(short, settings, quiet())
    execute([find_case("toy2d", "two-points-0.1")], settings, quiet())
    return root


class Links(HTMLParser):
    """Everything a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("src", "href") and value]


def test_the_page_holds_figures_claims_misprints_and_provenance(
    runs: Path, tmp_path: Path, flowrepro: Flowrepro
) -> None:
    place = tmp_path / "report.html"
    assert flowrepro("report", runs, "--out", place).code == 0
    text = place.read_text()
    shown = escaping.unescape(text)
    claims = [claim for file in runs.rglob("claims.json") for claim in read_json(file)["claims"]]
    assert len(claims) > 20
    assert all(claim["sentence"] in shown and claim["note"] in shown for claim in claims)
    assert all(misprint.reason in shown for misprint in registry.misprints("boursier2022"))
    assert text.count("data:image/png;base64,") == len(list(runs.rglob("*.png"))) >= 2
    assert "<&> here" not in text


def test_the_page_asks_nothing_over_a_network_and_its_links_are_files(
    runs: Path, tmp_path: Path, flowrepro: Flowrepro
) -> None:
    place = tmp_path / "report.html"
    flowrepro("report", runs, "--out", place)
    links = Links()
    links.feed(place.read_text())
    outside = [link for link in links.found if not link.startswith(("data:", "#"))]
    assert len(outside) > 10
    assert all((place.parent / unquote(link)).exists() for link in outside)
    assert re.findall(r"https?://|<script [^>]*src|@import|url\(", place.read_text()) == []
    assert "default-src 'none'" in place.read_text()
    folders = [link for link in outside if (place.parent / unquote(link)).is_dir()]
    assert len(folders) == len(list(runs.rglob("manifest.json")))


def test_links_within_the_page_lead_to_runs_figures_and_misprints(
    runs: Path, tmp_path: Path, flowrepro: Flowrepro
) -> None:
    place = tmp_path / "report.html"
    flowrepro("report", runs, runs, "--out", place)
    text = place.read_text()
    links = Links()
    links.feed(text)
    inside = {link[1:] for link in links.found if link.startswith("#")}
    addresses = re.findall(r' id="([^"]*)"', text)
    assert inside <= set(addresses)
    assert len(addresses) == len(set(addresses))
    assert len([address for address in inside if re.search("toy-[0-9a-f]+-[23]$", address)]) == 2


def test_the_same_run_in_two_folders_has_two_addresses(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs, tmp_path / "copy")
    chapters = report.collect(report.find_runs([runs, tmp_path / "copy"]))
    anchors = [section.anchor for chapter in chapters for section in chapter.sections]
    assert len(anchors) == len(set(anchors)) == 6


def test_the_papers_numbers_stand_beside_what_a_claim_measured(runs: Path) -> None:
    _, chapter = report.collect(report.find_runs([runs]))
    ((target, measured),) = chapter.sections[0].stated
    assert target.what == "steepest step of the drop of the loss"
    assert measured is not None
    assert target.window is not None
    assert target.window[0] <= measured <= target.window[1]
    unjudged = report.collect(report.find_runs([runs]))[0].sections[0].stated
    assert [measured for _, measured in unjudged] == [None, None]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (10568.0, "10568"),
        (0.5, "0.5"),
        (None, ""),
        ("inf", "inf"),
        ((0.0, 1.0), "0 to 1"),
        (2 / 3, '<data value="0.6666666666666666" title="0.6666666666666666">0.667</data>'),
    ],
)
def test_numbers_are_short_and_keep_all_digits(value: object, text: str) -> None:
    assert str(report.short(value)) == text


def test_the_markdown_page_links_to_the_images(runs: Path, tmp_path: Path, flowrepro: Flowrepro) -> None:
    place = tmp_path / "report.md"
    assert flowrepro("report", runs, "--markdown", "--out", place).code == 0
    images = re.findall(r"!\[(?:[^\]\\]|\\.)*\]\(([^)]*)\)", place.read_text())
    assert len(images) == len(list(runs.rglob("*.png")))
    assert all((place.parent / unquote(image)).is_file() for image in images)
    widths = [
        len(re.findall(r"(?<!\\)\|", line))
        for line in place.read_text().splitlines()
        if re.match(r"\| (PASS|FAIL|N/A|INFO) \|", line)
    ]
    assert len(widths) > 20
    assert set(widths[1:]) == {9}


def test_sections_stand_in_the_order_of_the_cases(runs: Path) -> None:
    chapter, later = report.collect(report.find_runs([runs]))
    assert (chapter.paper, later.paper) == ("boursier2022", "min2024")
    assert later.short == "Min, Mallada, Vidal (2024)"
    assert [section.case.name for section in chapter.sections] == ["toy", "lazy"]
    assert chapter.count("PASS") == sum(section.count("PASS") for section in chapter.sections) > 0


def test_what_holds_no_runs_is_refused(tmp_path: Path, runs: Path, flowrepro: Flowrepro) -> None:
    assert flowrepro("report", tmp_path).code == 3
    assert "is not a folder with runs" in flowrepro("report", tmp_path / "absent").err
    damaged = tmp_path / "damaged"
    shutil.copytree(runs, damaged)
    next(damaged.rglob("trajectory.npz")).write_bytes(b"")
    done = flowrepro("report", damaged, "--out", tmp_path / "report.html")
    assert done.code == 3
    assert "sha256" in done.err


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--enable-logging=stderr", "--allow-file-access-from-files", "--virtual-time-budget=20000"),
)
PROBE = Path(__file__).with_name("probe.html")


class Seen(NamedTuple):
    """What a browser sees of the page: facts by width and colours; with and without script."""

    facts: dict[str, Any]
    errors: str


@pytest.fixture(scope="module")
def seen(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """The page of the runs, opened in light and in dark."""
    if BROWSER is None:
        pytest.skip("no Chromium on this machine; 'apt-get install chromium' brings it")
    place = tmp_path_factory.mktemp("page") / "report.html"
    report.write(place, report.html(report.collect(report.find_runs([runs])), place))
    shutil.copy(PROBE, place.parent)
    words = [BROWSER, *QUIET, f"--user-data-dir={place.parent / 'profile'}", "--dump-dom"]
    address = (place.parent / PROBE.name).as_uri()
    done = subprocess.run([*words, address], capture_output=True, text=True, timeout=120, check=True)
    facts = json.loads(escaping.unescape(re.findall("<pre>(.*)</pre>", done.stdout)[0]))
    return Seen(facts, done.stderr)


def verdicts(runs: Path, *cases: str) -> Counter[str]:
    """How many claims have each verdict, of all cases or of those named."""
    claims = [claim for file in runs.rglob("claims.json") for claim in read_json(file)["claims"]]
    return Counter(claim["verdict"] for claim in claims if not cases or claim["case"] in cases)


def test_a_browser_shows_every_image_without_an_error(runs: Path, seen: Seen) -> None:
    images = len(list(runs.rglob("*.png")))
    for facts in seen.facts.values():
        assert (facts["images"], facts["missing"]) == (images, 0)
    said = [line for line in seen.errors.splitlines() if "CONSOLE" in line]
    assert [line for line in said if "'allow-scripts' permission is not set" not in line] == []


@pytest.mark.parametrize("width", [400, 800, 1280])
def test_no_width_scrolls_sideways(width: int, seen: Seen) -> None:
    assert seen.facts[f"{width} light"]["scroll"] <= width


def test_text_has_contrast_in_light_and_dark(seen: Seen) -> None:
    light, dark = seen.facts["1280 light"], seen.facts["1280 dark"]
    assert light["background"] != dark["background"]
    for facts in (light, dark):
        assert facts["texts"] > 100
        assert facts["contrast"]["ratio"] >= 4.5, facts["contrast"]


def test_the_filter_hides_what_it_says(runs: Path, seen: Seen) -> None:
    shown = seen.facts["1280 light"]["filtered"]
    count = verdicts(runs)
    assert shown["all"]["rows"] == count.total()
    assert shown["all"]["said"] == f"{count.total()} claims of 3 runs"
    assert shown["N/A"]["rows"] == count["N/A"] > 0
    assert shown["N/A"]["figures"] == 0
    assert shown["min2024"]["rows"] == verdicts(runs, "two-points-0.1").total()
    assert shown["min2024"]["runs"] == 1
    assert shown["lazy"]["rows"] == verdicts(runs, "lazy").total() > 0
    assert shown["both"]["rows"] == verdicts(runs, "lazy")["N/A"]
    assert shown["no such text"] == {"rows": 0, "figures": 0, "runs": 0, "said": "0 claims of 0 runs"}
    assert shown["reset"] == shown["all"]


def test_images_enlarge_and_hidden_runs_are_found_by_their_links(seen: Seen) -> None:
    facts = seen.facts["1280 light"]
    assert facts["enlarged"] == {"before": False, "open": True, "images": 1, "closed": True}
    assert facts["found"] == {"hidden": True, "shown": True}


def test_without_script_the_page_shows_everything(runs: Path, seen: Seen) -> None:
    facts = seen.facts["800 plain"]
    assert facts["form"] is False
    assert facts["rows"] == verdicts(runs).total()
