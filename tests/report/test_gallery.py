"""The gallery: written, compared, and a difference named."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from command_line import quiet

from flowrepro.core.overrides import override
from flowrepro.papers import registry
from flowrepro.report import gallery
from flowrepro.report.contact_sheet import contact_sheet, figures_in
from flowrepro.run.kind import Settings
from flowrepro.run.pipeline import Outcome, execute

FIGURES = Path(__file__).parents[2] / "figures"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    case = override(registry.find_case("orthogonal", "lazy"), {"n_steps": 200})
    return execute([case], Settings(root=tmp_path_factory.mktemp("runs"), formats=("png",)), quiet())


def differences(folder: Path, outcomes: list[Outcome]) -> list[str]:
    """What `compare` says, but for the figures of cases that are not run here."""
    return [sentence for sentence in gallery.compare(folder, outcomes) if not sentence.endswith("was not drawn")]


def test_a_gallery_agrees_with_what_it_was_written_from(outcomes: list[Outcome], tmp_path: Path) -> None:
    gallery.update(tmp_path, outcomes)
    assert differences(tmp_path, outcomes) == []
    page = (tmp_path / "README.md").read_text()
    for image in tmp_path.glob("*.png"):
        assert f"({image.name})" in page
    assert (tmp_path / "boursier2022.png").is_file()
    images = list(tmp_path.glob("boursier2022-*.png"))
    assert len(images) == len(list(tmp_path.glob("boursier2022-*.json"))) == 1
    stored = json.loads((tmp_path / "claims.json").read_text())
    assert [claim["id"] for claim in stored["orthogonal lazy"]] == [one["id"] for one in outcomes[0].claims]


def test_a_gallery_is_written_anew_without_copies_but_of_what_was_edited(
    outcomes: list[Outcome], tmp_path: Path
) -> None:
    (tmp_path / "README.md").write_text("mine")
    gallery.update(tmp_path, outcomes)
    assert (tmp_path / "README.foreign-1.md").read_text() == "mine"
    before = {path.name for path in tmp_path.iterdir()}
    gallery.update(tmp_path, outcomes)
    assert {path.name for path in tmp_path.iterdir()} == before
    (tmp_path / "claims.json").write_text("merged by hand")
    (tmp_path / "mine.png").write_text("another file")
    gallery.update(tmp_path, outcomes)
    (aside,) = {path.name for path in tmp_path.iterdir()} - before - {"mine.png"}
    assert aside == "claims.edited-1.json"
    assert (tmp_path / aside).read_text() == "merged by hand"
    assert (tmp_path / "mine.png").read_text() == "another file"


def test_a_gallery_is_written_only_as_a_whole(tmp_path: Path) -> None:
    answer = CliRunner().invoke(gallery.main, [str(tmp_path), "toy2d", "--update"])
    assert answer.exit_code == 2
    assert "the gallery is written as a whole" in answer.output


def test_figures_of_many_seeds_are_in_the_gallery_and_on_its_page(tmp_path: Path) -> None:
    cases, ensembles = gallery.batches_of("orthogonal")
    assert cases == list(registry.cases_of("orthogonal"))
    assert [(case.name, case.seeds) for case in ensembles] == [("toy", gallery.SEEDS)]
    short = replace(override(ensembles[0], {"n_steps": 200}), seeds=(0, 50))
    gallery.update(tmp_path / "gallery", execute([short], Settings(root=tmp_path, formats=("png",)), quiet()))
    page = (tmp_path / "gallery" / "README.md").read_text()
    assert "[3-seeds](boursier2022-figure-3-seeds-toy-loss.png)" in page
    assert list(json.loads((tmp_path / "gallery" / "claims.json").read_text())) == ["orthogonal toy --seeds 0:50"]


def test_a_contact_sheet_shows_every_figure(tmp_path: Path) -> None:
    from PIL import Image

    for k, size in enumerate([(640, 100), (100, 460), (320, 230), (32, 23), (64, 46)]):
        Image.new("RGB", size, (0, 50 * k, 0)).save(tmp_path / f"{k}.png")
    content = contact_sheet([(str(k), tmp_path / f"{k}.png") for k in range(5)])
    assert content == contact_sheet([(str(k), tmp_path / f"{k}.png") for k in range(5)])
    sheet = Image.open(io.BytesIO(content)).convert("RGB")
    assert sheet.size == (4 * 330 + 10, 230 + 30 + 46 + 30 + 10)
    centres = [(20, 40), (350, 40), (680, 40), (1010, 40), (20, 300)]
    assert [sheet.getpixel(place) for place in centres] == [(0, 50 * k, 0) for k in range(5)]
    folder = FIGURES
    for paper in registry.PAPERS:
        assert len(figures_in(folder, paper)) == len(registry.contents(paper).figures)
        assert (folder / f"{paper}.png").is_file()


def test_a_figure_that_is_not_drawn_is_named(outcomes: list[Outcome], tmp_path: Path) -> None:
    gallery.update(tmp_path, outcomes)
    assert "figure 2 of orthogonal was not drawn" in gallery.compare(tmp_path, outcomes)


def test_a_changed_number_is_named(outcomes: list[Outcome], tmp_path: Path) -> None:
    gallery.update(tmp_path, outcomes)
    (path,) = tmp_path.glob("boursier2022-*.json")
    stored = json.loads(path.read_text())
    name = next(name for name, values in stored.items() if values[0])
    stored[name][0] *= 1.001
    path.write_text(json.dumps(stored))
    (sentence,) = differences(tmp_path, outcomes)
    assert name in sentence
    assert sentence.startswith("figure 5 of boursier2022")


def test_a_changed_verdict_is_named(outcomes: list[Outcome], tmp_path: Path) -> None:
    gallery.update(tmp_path, outcomes)
    path = tmp_path / "claims.json"
    stored = json.loads(path.read_text())
    stored["orthogonal lazy"][0]["verdict"] = "INFO"
    path.write_text(json.dumps(stored))
    (sentence,) = differences(tmp_path, outcomes)
    assert stored["orthogonal lazy"][0]["id"] in sentence
    assert "INFO in the gallery" in sentence


def test_a_missing_gallery_is_named(outcomes: list[Outcome], tmp_path: Path) -> None:
    assert all("is missing" in sentence for sentence in differences(tmp_path, outcomes))
    assert len(differences(tmp_path, outcomes)) == 2


def test_the_committed_gallery_holds_every_figure() -> None:
    folder = FIGURES
    for command in registry.commands():
        for figure in registry.figures_of(command):
            stem = f"{registry.paper_of(command).key}-{figure.file}"
            assert (folder / f"{stem}.png").is_file(), stem
            assert json.loads((folder / f"{stem}.json").read_text())


def test_no_two_cases_share_a_place_in_the_gallery() -> None:
    cases = [case for command in registry.commands() for case in registry.cases_of(command)]
    labels = {gallery._label(case) for case in cases}
    assert len(labels) == len(cases)
    stored = json.loads((FIGURES / "claims.json").read_text())
    assert labels <= set(stored)
