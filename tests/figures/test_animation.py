"""Frames of a run as GIF, WebP and MP4: their number, their order, and the same bytes twice."""

import io
import stat

import numpy as np
import pytest
from PIL import Image

from flowrepro.errors import EnvironmentFault, UsageError
from flowrepro.figures import animation
from flowrepro.figures.animation import Animation, draw_frames, refusal, render, schedule


def bars(axes, data, k):
    """The k-th number as a bar, with a twin that must not pile up."""
    axes[0].bar([0], [data[k]])
    axes[0].set_ylim(0, 3)
    axes[0].twinx().set_ylim(0, 1)
    if k == 0:
        axes[0].figure.legend(["value"], loc="outside lower center")


MOVIE = Animation(
    id="x",
    file="x",
    case="toy",
    caption="bars",
    size=(1.5, 1.2),
    collect=lambda run: run,
    draw=bars,
)
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
    images = draw_frames(MOVIE, DATA)
    inked = [np.sum(np.asarray(image)[..., 0] < 128) for image in images]
    assert inked[0] < inked[1] < inked[2]
    assert {image.size for image in images} == {(180, 144)}


def test_axes_stay_where_they_are_and_twins_go():
    places = []

    def watch(axes, data, k):
        bars(axes, data, k)
        places.append((axes[0].get_position().bounds, len(axes[0].figure.axes)))

    draw_frames(
        Animation(
            id="x",
            file="x",
            case="toy",
            caption="",
            size=(1.5, 1.2),
            collect=lambda run: run,
            draw=watch,
        ),
        DATA,
    )
    assert places[1] == places[2]
    assert places[2][1] == 2


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
