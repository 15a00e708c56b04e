"""Moving pictures of a run: one frame per snapshot, as GIF, WebP and, where ffmpeg is installed,
MP4.

The same run gives the same bytes under one version of matplotlib, Pillow and ffmpeg.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flowrepro.core.trajectory import Run
from flowrepro.errors import EnvironmentFault, UsageError
from flowrepro.figures.declare import Film
from flowrepro.figures.style import paper_style

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("gif", "webp", "mp4")
FRAMES_PER_SECOND = 10
HOLD = 20
"""Times that the last frame is shown: two seconds."""
DPI = 120
COLOURS = 256
"""Size of the palette of a GIF frame: the style's ten colours with their blends, and a heat map."""


def schedule(steps: np.ndarray, ratio: float = 1.1) -> list[int]:
    """Those of the increasing snapshot steps that are shown: 0, then the first from floor(ratio
    last) + 1 on, and the last one.

    With every step at hand and ratio 1.1 this is the schedule of the animations that boursier2024
    published.
    """
    shown = [int(steps[0])]
    while (place := int(np.searchsorted(steps, int(ratio * shown[-1]) + 1))) < len(steps):
        shown.append(int(steps[place]))
    return shown if shown[-1] == steps[-1] else [*shown, int(steps[-1])]


def refusal(name: str) -> str | None:
    """None, or one sentence on why a format cannot be written here;

    UsageError for one that is not in FORMATS.
    """
    if name not in FORMATS:
        raise UsageError(
            f"animations are written as {', '.join(FORMATS)}, not as '{name}'; choose among these"
        )
    if name == "mp4" and shutil.which("ffmpeg") is None:
        return "mp4 needs ffmpeg, which is not on PATH; install it, or take gif or webp"
    if name == "webp" and not _webp():
        return (
            "webp needs Pillow built with it, which this one is not; reinstall it with 'pip "
            "install --force-reinstall pillow', or take gif"
        )
    return None


def _webp() -> bool:
    from PIL import features

    return bool(features.check("webp"))


def render(animation: Film, run: Run, formats: Iterable[str] = ("gif",)) -> dict[str, bytes]:
    """The files of an animation as bytes, by format.

    Raises EnvironmentFault with the sentence of `refusal` for a format that cannot be written here,
    before anything is drawn.
    """
    wanted = tuple(formats)
    for name in wanted:
        reason = refusal(name)
        if reason is not None:
            raise EnvironmentFault(reason)
    frames = draw_film(animation, run)
    writers = {"gif": _gif, "webp": _webp_bytes, "mp4": _mp4}
    return {name: writers[name](frames, animation.caption) for name in wanted}


def draw_film(film: Film, run: Run) -> list[Image]:
    """Every frame as an RGB image, all of one size, with axes in the places that they have in the
    first one.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas
    from PIL import Image

    from flowrepro.figures import renderer

    images: list[Image.Image] = []
    places: list[Any] = []
    with paper_style():
        for panels in film.frames(run):
            figure = Canvas(figsize=film.layout[-2:], layout="constrained", dpi=DPI)
            canvas: Any = FigureCanvasAgg(figure)
            renderer.draw(figure, tuple(panels), film.layout, film.share)
            if not places:
                figure.draw_without_rendering()
                places = [ax.get_position() for ax in figure.axes]
            figure.set_layout_engine("none")
            for ax, place in zip(figure.axes, places, strict=True):
                ax.set_position(place)
            canvas.draw()
            images.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
    return images


def _gif(frames: Sequence[Image], caption: str) -> bytes:
    from PIL.Image import Dither, Quantize

    # The median cut would give a heat map's shades the places of small markers' colours.
    look: Any = {"method": Quantize.MAXCOVERAGE, "dither": Dither.NONE}
    flat = [frame.quantize(COLOURS, **look) for frame in frames]
    file = io.BytesIO()
    flat[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=flat[1:],
        duration=_durations(frames),
        loop=0,
        comment=caption.encode(),
    )
    return file.getvalue()


def _webp_bytes(frames: Sequence[Image], caption: str) -> bytes:
    file = io.BytesIO()
    frames[0].save(
        file,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=_durations(frames),
        loop=0,
        lossless=True,
        method=2,
    )
    return file.getvalue()


def _durations(frames: Sequence[Image]) -> list[int]:
    """Milliseconds of each frame."""
    each = 1000 // FRAMES_PER_SECOND
    return [each] * (len(frames) - 1) + [each * HOLD]


def _mp4(frames: Sequence[Image], caption: str) -> bytes:
    """H.264 by the ffmpeg on PATH; EnvironmentFault with its last words where it fails."""
    width, height = (
        length - length % 2 for length in frames[0].size
    )  # the codec halves the colour planes
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "animation.mp4"
        source = [
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            f"{width}x{height}",
            "-r",
            str(FRAMES_PER_SECOND),
            "-i",
            "-",
        ]
        coding = ["-an", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18", "-threads", "1"]
        exact = [
            "-map_metadata",
            "-1",
            "-fflags",
            "+bitexact",
            "-flags:v",
            "+bitexact",
            "-metadata",
            f"comment={caption}",
        ]
        pixels = b"".join(
            frame.crop((0, 0, width, height)).tobytes()
            for frame in [*frames, *[frames[-1]] * (HOLD - 1)]
        )
        done = subprocess.run(
            ["ffmpeg", "-v", "error", "-y", *source, *coding, *exact, str(target)],
            input=pixels,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0 or not target.exists():
            words = " ".join(done.stderr.decode(errors="replace").split())[-300:]
            raise EnvironmentFault(
                f"ffmpeg could not write the mp4 ({words}); install one with libx264, or take gif "
                "or webp"
            )
        return target.read_bytes()
