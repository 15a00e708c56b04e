"""Names and places in a folder of somebody else's: what may be a name, and what stands there."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from flowrepro.errors import DataError

SUBFOLDERS = ("figures", "tables", "animations")
"""The folders that a run directory may have."""
_PART = re.compile(r"[A-Za-z0-9._-]+")


def is_safe_name(text: object) -> bool:
    """Whether a stored text may be one part of a path: plain characters, and not a way out of the
    folder.
    """
    return isinstance(text, str) and _PART.fullmatch(text) is not None and text not in (".", "..")


def member(folder: Path, name: str) -> Path:
    """The path of a file of a folder;

    DataError for a name that leads elsewhere than into it or one of SUBFOLDERS.
    """
    *above, last = name.split("/")
    if not is_safe_name(last) or (above and (len(above) > 1 or above[0] not in SUBFOLDERS)):
        raise DataError(f"'{shown(name)}' cannot be the name of a file in {folder}")
    return folder / name


def is_plain_file(path: Path) -> bool:
    """Whether there is a regular file that is no link and does not lie in a linked subfolder."""
    try:
        return stat.S_ISREG(path.lstat().st_mode) and not is_behind_link(path)
    except OSError:
        return False


def is_behind_link(path: Path) -> bool:
    """Whether a path lies in a subfolder that is a link."""
    return path.parent.name in SUBFOLDERS and path.parent.is_symlink()


def is_plain_folder(path: Path) -> bool:
    """Whether there is a folder that is no link."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def shown(path: object) -> str:
    """A path for a message, unprintable characters escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode()
        for c in str(path)
    )
