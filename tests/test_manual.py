"""The manual: its code blocks run, its links lead somewhere, and it knows all there is."""

from __future__ import annotations

import re
import shlex
import signal
from pathlib import Path

import click
import pytest
from manual_blocks import DOCS, ROOT, Block, blocks, commands, pages, run_page

import flowrepro
from flowrepro import errors
from flowrepro.cli.main import cli
from flowrepro.engines import ENGINES


def with_kind(*kinds: str) -> list[str]:
    """Pages with a block to run of one of these kinds."""
    return [
        page for page in pages() if any(b.language in ("python", "console") and b.kind in kinds for b in blocks(page))
    ]


@pytest.mark.parametrize("page", pages())
def test_every_block_can_be_run_or_says_why_not(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert "<<<<<<<" not in text, "two versions of a merge"
    assert text.count("```") == 2 * len(list(blocks(page)))
    for block in blocks(page):
        where = f"{page}, line {block.line}"
        assert block.language in ("python", "console", "text", "{declared}", "{eval-rst}",
                                  "{toctree}"), f"{where}: name the language"  # fmt: skip
        assert block.kind in ("", "slow", "file", "not run"), f"{where}: {block.remark}"
        assert not block.remark or block.remark.partition(": ")[2], f"{where}: say why"
        if block.language == "python":
            compile(block.body, where, "exec")
        if block.language == "console":
            assert commands(block), f"{where}: commands begin with $"


@pytest.mark.parametrize("page", pages())
def test_commands_have_options_that_exist(page: str) -> None:
    for block in blocks(page):
        for command in commands(block) if block.language == "console" else []:
            words = shlex.split(command, comments=True)
            if words[:1] != ["flowrepro"] or words[1:] in (["--version"], ["--help"]):
                continue
            if words[1] == "--plugin":
                continue  # its subcommand is there when the page runs
            found = cli.commands.get(words[1])
            assert found is not None, f"{page}, line {block.line}: {words[1]}"
            with click.Context(cli):
                found.make_context(words[1], words[2:])


@pytest.mark.slow
@pytest.mark.parametrize("page", with_kind("", "file"))
def test_the_blocks_of_a_page_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_in(tmp_path, monkeypatch, [b for b in blocks(page) if b.kind not in ("not run", "slow")])
    if page == "quickstart.md":
        assert (tmp_path / "directions.png").stat().st_size > 10_000
        assert len(list(tmp_path.glob("runs/own/*/figures/overview.png"))) == 1


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("page", with_kind("slow"))
def test_the_slow_blocks_of_a_page_run_too(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_in(tmp_path, monkeypatch, [b for b in blocks(page) if b.kind != "not run"])


def run_in(folder: Path, monkeypatch: pytest.MonkeyPatch, found: list[Block]) -> None:
    """Run blocks in a folder; what they change in this process is gone afterwards."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(ENGINES, "mine", ENGINES["torch"])
    del ENGINES["mine"]
    run_page(found, folder)


@pytest.mark.parametrize("page", pages())
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not target.startswith(("http:", "https:")):
            assert ((DOCS / page).parent / target).exists(), f"{page} links to {target}"


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = {line for b in blocks("index.md") if b.language == "{toctree}"
              for line in b.body.split("\n") if line and not line.startswith(":")}  # fmt: skip
    assert {f"{name}.md" for name in listed} | {"index.md", "../README.md"} == set(pages())


def test_every_public_name_is_in_the_reference() -> None:
    text = (DOCS / "reference/python.md").read_text(encoding="utf-8")
    for name in flowrepro.__all__:
        if name != "__version__":
            assert re.search(rf"\bflowrepro\.(api\.)?(judge\.)?{name}\b|fr\.{name}\b", text), name


def test_every_exit_code_is_explained() -> None:
    def below(kind: type) -> list[type]:
        return [k for own in kind.__subclasses__() for k in (own, *below(own))]

    codes = {kind.exit_code for kind in (errors.FlowreproError, *below(errors.FlowreproError))}
    codes |= {0, errors.EXIT_CLAIM_FAILED, errors.EXIT_SWEEP_INCOMPLETE, 141}
    codes |= {128 + number for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    assert codes == set(errors.EXIT_CODES)


def test_the_readme_is_short_and_links_to_the_manual() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 120
    assert any("docs/quickstart.md" in line for line in lines)
