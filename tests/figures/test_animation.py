"""Frames of a run as GIF, WebP and MP4: their number, their order, and the same bytes twice."""

import io
import stat

import numpy as np
import pytest
from PIL import Image

from flowrepro.errors import EnvironmentFault, UsageError
from flowrepro.figures import animation, style
from flowrepro.figures.animation import draw_film, refusal, render, schedule
from flowrepro.figures.declare import Film
from flowrepro.figures.panels import Bars, Custom, Panel


def bars(numbers):
    """Each number as a bar, with a second axis on the right and a label for the legend."""
    for value in numbers:
        twin = Panel([], ylabel="z", ylim=(0, 1))
        marks = [Bars([0], [value], label="value", colour=style.DATA)]
        yield [Panel(marks, xlabel="x", ylabel="y", ylim=(0, 3), twin=twin)]


MOVIE = Film("x", "x", "Bars.", bars, case="toy", layout=(1, 1, 1.5, 1.2))
DATA = (1.0, 2.0, 3.0)


def test_the_schedule_is_the_published_one():
    known = [2504, 2755, 3031, 3335, 3669, 4036, 4440, 4885, 5374, 5912, 6504, 7155]
    shown = schedule(np.arange(2_000_000))
    assert shown[:2] == [0, 1]
    assert shown[-1] == 1_999_999
    assert len(shown) == 135
    assert set(known) <= set(shown)


def test_a_schedule_takes_what_there_is():
    assert schedule(np.array([0, 10, 10_000, 10_001, 10_002])) == [0, 10, 10_000, 10_002]
    assert schedule(np.array([0])) == [0]


def test_frames_follow_the_data():
    images = draw_film(MOVIE, DATA)
    inked = [np.sum(np.asarray(image)[..., 0] < 128) for image in images]
    assert inked[0] < inked[1] < inked[2]
    assert {image.size for image in images} == {(180, 144)}


def test_axes_stay_where_they_are_in_the_first_frame():
    """Wider numbers at the ticks of later frames move nothing."""
    seen = []

    def frames(numbers):
        for value in numbers:
            watch = Custom(lambda ax, _: seen.append(ax), {})
            yield [Panel([Bars([0], [value]), watch], xlabel="x", ylabel="y")]

    film = Film("x", "x", "Bars.", frames, case="toy", layout=(1, 1, 1.5, 1.2))
    draw_film(film, (1.0, 1.2345e7, 3.0))
    places = [ax.get_position().bounds for ax in seen]
    assert places[0] == places[1] == places[2]


@pytest.mark.parametrize("name", ["gif", "webp"])
def test_files_hold_all_frames_and_are_the_same_twice(name):
    if refusal(name):
        pytest.skip(refusal(name))
    first = render(MOVIE, DATA, (name,))[name]
    assert first == render(MOVIE, DATA, (name,))[name]
    with Image.open(io.BytesIO(first)) as image:
        assert image.n_frames == 3
        assert image.info["loop"] == 0


def test_unknown_formats_are_refused():
    with pytest.raises(UsageError, match="gif, webp, mp4"):
        render(MOVIE, DATA, ("avi",))


def test_mp4_without_ffmpeg_is_one_sentence(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "not on PATH" in refusal("mp4")
    with pytest.raises(EnvironmentFault, match="ffmpeg"):
        render(MOVIE, DATA, ("mp4",))


def test_ffmpeg_gets_every_pixel_and_its_file_comes_back(monkeypatch, tmp_path):
    """An ffmpeg in name only, which writes what it is given into its last argument."""
    stand_in(tmp_path, 'for last; do :; done; cat > "$last"')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    content = render(MOVIE, DATA, ("mp4",))["mp4"]
    assert len(content) == (2 + animation.HOLD) * 180 * 144 * 3


def test_a_failing_ffmpeg_is_quoted(monkeypatch, tmp_path):
    stand_in(tmp_path, "cat > /dev/null; echo Unknown encoder >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(EnvironmentFault, match="Unknown encoder"):
        render(MOVIE, DATA, ("mp4",))


def stand_in(folder, script):
    file = folder / "ffmpeg"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
