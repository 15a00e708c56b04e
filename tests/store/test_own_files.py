"""What the user put into a run directory is the user's: injected files, edits, links and folders
outlive every command.
"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest
from command_line import typed
from own_runs import COMMANDS, FIGURE, MINE, PLACES, RUN, SOUND, Call, break_derived, everywhere

from flowrepro.core.overrides import override
from flowrepro.errors import DataError
from flowrepro.papers import registry
from flowrepro.store import files as storage
from flowrepro.store import reading
from flowrepro.store.own_files import LEDGER, OwnFiles
from flowrepro.store.run_directory import RunDirectory

pytestmark = pytest.mark.usefixtures("here")


# ---- foreign files, edited ones, subfolders: every command


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("broken", [False, True])
def test_every_file_of_the_user_outlives_every_command(
    flowrepro: Call, tmp_path: Path, out: Path, run: Path, command: str, broken: bool
) -> None:
    contents = []
    for place in PLACES:
        for name in ("annotated-by-me.svg", ".hidden", "old/paper.txt"):
            path = run / place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content := f"{MINE.decode()} {place}/{name}".encode())
            contents.append(content)
    (run / "figures/annotated-by-me.svg").chmod(0o444)
    (run / FIGURE).chmod(0o444)
    if broken:
        (run / FIGURE).chmod(0o644)
        break_derived(run)
        contents += [(run / FIGURE).read_bytes(), (run / "claims.json").read_bytes()]
    result = flowrepro(*COMMANDS[command](out, run))
    assert result.code in SOUND, result.err
    assert "internal error" not in result.err
    for content in contents:
        assert everywhere(tmp_path, content), content


def test_an_edited_figure_is_kept_under_a_name_that_says_so_and_drawn_anew(
    flowrepro: Call, out: Path, run: Path
) -> None:
    before = (run / FIGURE).read_bytes()
    (run / FIGURE).write_bytes(MINE)
    result = flowrepro(*COMMANDS["run"](out, run))
    assert result.code in (0, 5)
    assert "changed since it was written; it is kept as figure-3-toy-loss.edited-1.png" in result.err
    assert (run / FIGURE.replace(".png", ".edited-1.png")).read_bytes() == MINE
    assert (run / FIGURE).read_bytes() == before
    (run / FIGURE).write_bytes(MINE + b" again")
    flowrepro(*COMMANDS["run"](out, run))
    assert (run / FIGURE.replace(".png", ".edited-2.png")).read_bytes() == MINE + b" again"


def test_without_figures_the_edited_one_is_kept_too(flowrepro: Call, out: Path, run: Path) -> None:
    (run / FIGURE).write_bytes(MINE)
    (run / "figures/annotated-by-me.svg").write_bytes(MINE)
    assert flowrepro(*COMMANDS["run --no-figures"](out, run)).code in (0, 5)
    assert sorted(path.name for path in (run / "figures").iterdir()) == [
        "annotated-by-me.svg",
        "figure-3-toy-loss.edited-1.png",
    ]
    assert flowrepro("verify", run).code in (0, 5)


def test_what_we_drew_and_nobody_changed_leaves_no_copies(
    flowrepro: Call, monkeypatch: pytest.MonkeyPatch, out: Path, run: Path
) -> None:
    from flowrepro.store import provenance

    before = sorted(path.name for path in run.rglob("*"))
    monkeypatch.setattr(provenance, "package_hash", lambda: "of other code")
    result = flowrepro(*RUN, "--animate", "--out", out)
    assert "drawing figure" in result.err
    assert sorted(path.name for path in run.rglob("*")) == before


@pytest.mark.parametrize("name", [FIGURE, "tables/a.csv", "animations/toy.gif", "claims.json"])
@pytest.mark.parametrize("thing", ["file", "folder", "link", "dangling link"])
def test_a_name_that_we_need_and_the_user_took(tmp_path: Path, name: str, thing: str) -> None:
    directory = RunDirectory.of(tmp_path / "out", registry.find_case("orthogonal", "toy"))
    directory.write("experiment.json", b"{}")
    directory.seal()
    path = directory.file(name)
    path.parent.mkdir(exist_ok=True)
    target = tmp_path / "target"
    if thing == "file":
        path.write_bytes(MINE)
    elif thing == "folder":
        path.mkdir()
        (path / "mine").write_bytes(MINE)
    else:
        path.symlink_to(target)
        if thing == "link":
            target.write_bytes(MINE)
    directory.write(name, b"ours")
    directory.seal()
    assert (path.read_bytes(), path.is_symlink()) == (b"ours", False)
    assert target.exists() == (thing == "link")
    (kept,) = [
        entry for entry in path.parent.iterdir() if (".link-1" if "link" in thing else ".foreign-1") in entry.name
    ]
    assert os.path.lexists(kept)
    if thing != "dangling link":
        assert (kept / "mine" if thing == "folder" else kept).read_bytes() == MINE
    assert directory.damage() == []


# ---- stored names


ELSEWHERE = (
    "../../../secret", "/etc/passwd", "figures/../../secret", "notes/a", "figures/a/b", "a b", "",
    "..", "a\n", "figures/",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "command"), list(zip(ELSEWHERE, itertools.cycle(("verify", "show", "rerun", "report")), strict=False))
)
def test_a_manifest_that_names_what_lies_elsewhere_is_damaged(
    flowrepro: Call, tmp_path: Path, run: Path, name: str, command: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(MINE)
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": reading.sha256(secret), "bytes": len(MINE)}
    (run / "manifest.json").write_bytes(reading.json_bytes(manifest))
    result = flowrepro(*COMMANDS[command](tmp_path, run))
    assert result.code == 3, result.err
    assert "manifest" in result.err
    assert secret.read_bytes() == MINE


LEADING = itertools.product(("name", "command", "paper"), ("../victim/pwn", "/tmp/pwn", "..", "a\nb"))


@pytest.mark.parametrize(
    ("field", "text", "command"), [(*pair, ("rerun", "verify", "report")[k % 3]) for k, pair in enumerate(LEADING)]
)
def test_a_case_whose_name_leads_elsewhere_is_refused(
    flowrepro: Call, tmp_path: Path, run: Path, field: str, text: str, command: str
) -> None:
    directory = RunDirectory(run)
    case = json.loads((run / "experiment.json").read_text())
    content = reading.json_bytes({**case, field: text})
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["files"]["experiment.json"] = {"sha256": reading.sha256_of(content), "bytes": len(content)}
    (run / "experiment.json").write_bytes(content)
    (run / "manifest.json").write_bytes(reading.json_bytes(manifest))
    assert directory.damage() == []
    assert flowrepro(*COMMANDS[command](tmp_path, run)).code == 3
    assert not list(tmp_path.rglob("*pwn*"))


def test_a_report_shows_the_images_of_the_manifest_only(flowrepro: Call, tmp_path: Path, run: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_bytes(MINE)
    flowrepro(*RUN, "--no-figures", "--out", tmp_path / "bare")
    (bare,) = (path for path in (tmp_path / "bare" / "orthogonal").iterdir() if path.is_dir())
    (bare / "figures").mkdir()
    (bare / FIGURE).symlink_to(secret)
    (bare / "figures/figure-2-toy-panels.png").write_bytes(MINE)
    assert flowrepro("report", bare, "--out", tmp_path / "report.html").code == 0
    assert "data:image" not in (tmp_path / "report.html").read_text()


# ---- what a manifest lists


def test_files_of_the_user_are_not_listed_and_verify_names_them(flowrepro: Call, run: Path) -> None:
    (run / "notes.txt").write_bytes(MINE)
    (run / "figures/annotated\x1b[2J.svg").write_bytes(MINE)
    (run / "old").mkdir()
    listed = set(json.loads((run / "manifest.json").read_text())["files"])
    result = flowrepro("verify", run)
    assert result.code in (0, 5)
    assert "notes.txt" in result.err
    assert "old/" in result.err
    assert "annotated\\x1b[2J.svg" in result.err
    assert set(json.loads((run / "manifest.json").read_text())["files"]) == listed
    assert "also holds" not in flowrepro("verify", run, "--json").out


def test_a_run_without_files_of_the_user_has_none_named(flowrepro: Call, run: Path) -> None:
    assert "also holds" not in flowrepro("verify", run).err


def test_a_changed_file_keeps_the_sha256_that_it_had(run: Path) -> None:
    directory = RunDirectory(run)
    (run / "trajectory.npz").write_bytes(MINE)
    directory.seal()
    assert directory.damage() == ["trajectory.npz does not have the sha256 of the manifest"]


def test_a_manifest_with_remarks_of_the_user_is_kept(flowrepro: Call, run: Path) -> None:
    manifest = {**json.loads((run / "manifest.json").read_text()), "remark": "mine"}
    (run / "manifest.json").write_text(content := json.dumps(manifest))
    assert flowrepro("verify", run).code in (0, 5)
    assert (run / "manifest.foreign-1.json").read_text() == content


# ---- unfinished folders


def test_an_unfinished_folder_keeps_what_cannot_be_proven_ours(
    flowrepro: Call, tmp_path: Path, run: Path, out: Path
) -> None:
    (run / "manifest.json").unlink()
    names = [*typed("provenance.json trajectory.npz claims.json checkpoint.npz notes.txt"), FIGURE]
    for name in names:
        (run / name).write_bytes(MINE + name.encode())
    result = flowrepro(*COMMANDS["run"](out, run))
    assert result.code in (0, 5), result.err
    for name in names:
        assert everywhere(run, MINE + name.encode()), name
    assert RunDirectory(run).damage() == []


def test_what_a_killed_run_wrote_is_replaced_without_copies(tmp_path: Path) -> None:
    case = override(registry.find_case("orthogonal", "toy"), {"n_steps": 5})
    directory = RunDirectory.of(tmp_path, case)
    directory.begin(case)
    for content in (b"first", b"second"):
        directory.write("provenance.json", content)
        directory.write("checkpoint.npz", content)
        directory.write("figures/a.png", content)
    directory.seal()
    assert sorted(path.name for path in directory.path.rglob("*")) == [
        "a.png",
        "experiment.json",
        "figures",
        "manifest.json",
        "provenance.json",
    ]


def test_a_kill_between_note_and_write_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = OwnFiles(tmp_path)
    own.write("a.json", b"first")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            own.write("a.json", b"second")
    OwnFiles(tmp_path).write("a.json", b"third")
    assert sorted(path.name for path in tmp_path.iterdir()) == [LEDGER, "a.json"]
    assert (tmp_path / "a.json").read_bytes() == b"third"


@pytest.mark.parametrize("content", [b"mine", b"[]", b'{"../x": ["0"]}', b'{"a": 1}', b"[" * 100_000])
def test_notes_that_are_not_ours_are_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LEDGER).write_bytes(content)
    OwnFiles(tmp_path).write("a.json", b"ours")
    assert everywhere(tmp_path, content)


def test_only_torn_files_of_ours_are_swept(tmp_path: Path) -> None:
    names = (".writing-notes.txt", ".writing-", "old/.writing-0a1b2c3d-x", ".writing-0a1b2c3d-x y")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(MINE)
    (tmp_path / ".writing-0a1b2c3d-linked").symlink_to(tmp_path / ".writing-notes.txt")
    (tmp_path / ".writing-0a1b2c3d-torn.json").write_bytes(b"torn")
    storage.sweep_temporaries(tmp_path)
    assert len(everywhere(tmp_path, MINE)) == len(names)
    assert (tmp_path / ".writing-0a1b2c3d-linked").is_symlink()
    assert not (tmp_path / ".writing-0a1b2c3d-torn.json").exists()


# ---- files that the user names: reports and summaries


@pytest.mark.parametrize("page", ["html", "md"])
def test_a_report_replaces_only_a_report(flowrepro: Call, tmp_path: Path, run: Path, page: str) -> None:
    place = tmp_path / f"report.{page}"
    words = ("report", run, "--out", place, *(["--markdown"] if page == "md" else []))
    place.write_bytes(MINE)
    result = flowrepro(*words)
    assert result.code == 0
    assert f"kept as report.foreign-1.{page}" in result.err
    assert (tmp_path / f"report.foreign-1.{page}").read_bytes() == MINE
    assert flowrepro(*words).err == ""
    place.write_bytes(edited := place.read_bytes().replace(b"toy", b"my toy"))
    flowrepro(*words)
    assert (tmp_path / f"report.foreign-2.{page}").read_bytes() == edited


@pytest.mark.parametrize("dangling", [False, True])
def test_a_report_follows_no_link(flowrepro: Call, tmp_path: Path, run: Path, dangling: bool) -> None:
    target = tmp_path / "target"
    if not dangling:
        target.write_bytes(MINE)
    (tmp_path / "report.html").symlink_to(target)
    assert flowrepro("report", run, "--out", tmp_path / "report.html").code == 0
    assert (tmp_path / "report.link-1.html").is_symlink()
    assert target.exists() != dangling
    assert dangling or target.read_bytes() == MINE


def test_a_report_does_not_take_the_place_of_a_folder_or_device(flowrepro: Call, tmp_path: Path, run: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe", "/dev/null", "/dev/stdout", "/proc/self/fd/1"):
        assert flowrepro("report", run, "--out", place).code == 2
    assert (tmp_path / "pipe").is_fifo()


def test_the_summary_of_a_sweep_keeps_what_the_user_made_of_it(flowrepro: Call, out: Path, run: Path) -> None:
    words = COMMANDS["sweep"](out, run)
    assert flowrepro(*words).code == 0
    (folder,) = (out / "orthogonal").glob("sweep-*")
    before = sorted(path.name for path in folder.iterdir())
    assert flowrepro(*words).code == 0
    assert sorted(path.name for path in folder.iterdir()) == before
    (folder / "summary.csv").write_bytes(MINE)
    (folder / "summary.png").unlink()
    (folder / "summary.png").symlink_to(out / "nowhere")
    assert flowrepro(*words).code == 0
    assert (folder / "summary.edited-1.csv").read_bytes() == MINE
    assert (folder / "summary.link-1.png").is_symlink()
    assert not (out / "nowhere").exists()


def test_the_gallery_sets_aside_what_is_no_gallery(tmp_path: Path) -> None:
    from flowrepro.report import gallery

    (tmp_path / "README.md").write_bytes(MINE)
    gallery.update(tmp_path, [])
    gallery.update(tmp_path, [])
    assert (tmp_path / "README.foreign-1.md").read_bytes() == MINE
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        LEDGER,
        "README.foreign-1.md",
        "README.md",
        "claims.json",
    ]


# ---- reading


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link", ""):
        for read in (reading.read_json, reading.read_npz, reading.sha256, reading.read_bytes):
            with pytest.raises(DataError):
                read(tmp_path / name)
