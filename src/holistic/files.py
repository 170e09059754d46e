"""How does a file appear whole or not at all, and how is it told from another?"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

__all__ = ["is_unfinished", "remove_unfinished", "sha256", "write_whole"]


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a temporary name, sync it and rename it into place.

    Parameters
    ----------
    path
        File to write; its folder is made where there is none.
    write
        Called with the path to write to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb+") as file:  # Windows syncs only what is open for writing
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def is_unfinished(path: Path) -> bool:
    """Say whether a file is what a killed run leaves: half of a file, or its lock."""
    return path.name.startswith(".") and (path.suffix == ".tmp" or path.name == ".lock")


def remove_unfinished(folder: Path) -> None:
    """Remove from a folder the halves of files that killed processes left.

    A half that another living process writes now stays, and so does everything else.
    """
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in folder.iterdir():
        named = re.fullmatch(r"\..+\.(\d{1,9})\.tmp", path.name)
        if named and path.is_file() and not _writes_beside(int(named[1])):
            with contextlib.suppress(OSError):  # Windows keeps what is open for writing
                path.unlink()


def _writes_beside(process: int) -> bool:
    """Say whether this is another process, and lives."""
    if process == os.getpid() or os.name == "nt":  # there a signal 0 would end it
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
