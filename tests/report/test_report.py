"""The report: everything of the runs is in it, images inside, text escaped; a browser opens it
without an error.
"""

from __future__ import annotations

import html as escaping
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from command_line import Result

from flowrepro.papers import registry
from flowrepro.report import page as report
from flowrepro.store.files import read_json

Flowrepro = Callable[..., Result]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stored runs with figures, one of them with an awkward name."""
    from flowrepro.core.config import override
    from flowrepro.papers.boursier2022.figure_5_lazy import LAZY
    from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
    from flowrepro.run.kind import Settings
    from flowrepro.run.pipeline import execute

    class Silent:
        def say(self, text: str) -> None: ...

        def doing(self, text: str) -> None: ...
        def progress(self, label: str, step: int, n_steps: int) -> None: ...
        def interrupted(self) -> bool:
            return False

    root = tmp_path_factory.mktemp("runs <&> here")
    execute(
        [override(TOY, {"n_steps": 300, "geometric": 0}), override(LAZY, {"n_steps": 50})],
        Settings(root=root, formats=("png",)),
        Silent(),
    )
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
    assert all((place.parent / unquote(link)).is_file() for link in outside)
    assert re.findall(r"https?://|<script|@import|url\(", place.read_text()) == []


def test_the_markdown_page_links_to_the_images(
    runs: Path, tmp_path: Path, flowrepro: Flowrepro
) -> None:
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
    (chapter,) = report.collect(report.find_runs([runs]))
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


BROWSER = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
PROBE = """<script>
const missing = [...document.images].filter(image => !(image.complete && image.naturalWidth > 0)).length;
const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
document.body.dataset.verdict = `${document.images.length} images, ${missing} missing, ${wide ? "too wide" : "fits"}`;
</script></body>"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_a_browser_shows_every_image_and_reports_no_error(
    runs: Path, tmp_path: Path, flowrepro: Flowrepro
) -> None:
    place = tmp_path / "report.html"
    flowrepro("report", runs, "--out", place)
    place.write_text(place.read_text().replace("</body>", PROBE))
    words = [
        str(BROWSER),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--window-size=800,900",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    done = subprocess.run(
        [*words, "--dump-dom", place.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    images = len(list(runs.rglob("*.png")))
    assert f'data-verdict="{images} images, 0 missing, fits"' in done.stdout
    assert "CONSOLE" not in done.stderr
