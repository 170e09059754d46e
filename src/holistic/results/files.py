"""Writes files whole or not at all, and tells one from another."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from holistic.errors import AuditError

__all__ = [
    "SHARDS",
    "alone",
    "check_target",
    "is_unfinished",
    "naming",
    "opened",
    "remove_unfinished",
    "sha256",
    "write_whole",
]

SHARDS = ".shards"
"""Folder in an audit's folder, in which the shards of a run have theirs."""
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has neither of these
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_OTHER_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""What else than a file a path can name."""


def write_whole(path: Path, write: Callable[[Path], object], *, within: Path | None = None) -> None:
    """Write a file under a temporary name, sync it and rename it into place.

    Parameters
    ----------
    path
        File to write; its folder is made where there is none.
    write
        Called with the path to write to.
    within
        A folder that the file must stay in: no folder between the two may be a link.

    Raises
    ------
    AuditError
        If something else than a file is in the way: a link, a folder, a pipe or a device.
    """
    check_target(path, within=within)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise AuditError(f"'{path}' can't be written: there is a file on the way to it") from None
    temporary = unfinished_path(path)
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o666)
    try:
        try:
            with naming(path):
                write(temporary)
                os.fsync(descriptor)
            if not os.path.samestat(os.fstat(descriptor), temporary.lstat()):
                raise AuditError(f"'{temporary}' was exchanged while it was written; try again")
        finally:
            os.close(descriptor)  # Windows renames nothing that is open
        check_target(path, within=within)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def unfinished_path(path: Path) -> Path:
    """Return the name that a file or folder has until it is whole: nobody can guess it."""
    return path.with_name(f".{path.name[:50]}.{os.getpid()}.{secrets.token_hex(8)}.tmp")


def check_target(path: Path, *, within: Path | None = None) -> None:
    """Find out whether a file can be written to a path without harm to what is there.

    Parameters
    ----------
    path
        Where a file is to be made or replaced.
    within
        As for `write_whole`.

    Raises
    ------
    AuditError
        If something else than a file is there, or a folder on the way is a link.
    """
    if kind := _other_kind(path):
        raise AuditError(
            f"'{path}' is {kind}: results replace files only, never what is something else; "
            "remove it or name another place"
        )
    for folder in path.parents if within else ():
        if folder == within:
            return
        if (kind := _other_kind(folder)) not in ("", "a folder"):
            raise AuditError(
                f"'{folder}' is {kind}, which leads out of the audit: nothing is written there; "
                "remove it"
            )


def _other_kind(path: Path) -> str:
    """Say what a path names that is no file; nothing where it is one, or nothing is there."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ""
    return "" if stat.S_ISREG(mode) else _OTHER_KINDS.get(stat.S_IFMT(mode), "no file")


@contextmanager
def naming(path: Path) -> Generator[None]:
    """Name a path in the errors of the system that name none: a full disk doesn't say where."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = os.fspath(path)
        raise


@contextmanager
def opened(path: Path) -> Generator[BufferedReader]:
    """Open a file to read; nothing is waited for where it is a pipe or a device.

    Raises
    ------
    OSError
        If it can't be read, or isn't a file.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # some devices do something when they are opened
        raise OSError("it is no file")
    descriptor = os.open(path, os.O_RDONLY | _NO_WAIT | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is no file")
        yield file


def is_unfinished(path: Path) -> bool:
    """Say whether a path is what a killed run leaves: half of a file, its lock, its shards."""
    return path.name == SHARDS or (
        path.name.startswith(".") and (path.suffix == ".tmp" or path.name == ".lock")
    )


def remove_unfinished(folder: Path) -> None:
    """Remove from a folder the halves of files that killed processes left.

    A half that another living process writes now stays, and so does everything else.
    """
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in folder.iterdir():
        named = re.fullmatch(r"\..+?\.(\d{1,9})(\.[0-9a-f]{16})?\.tmp", path.name)
        if named and not _other_kind(path) and not _writes_now(int(named[1])):
            with contextlib.suppress(OSError):  # Windows keeps what is open for writing
                path.unlink()


def _writes_now(process: int) -> bool:
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


@contextmanager
def alone(folder: Path) -> Generator[None]:
    """Hold a folder while lenses are run: two runs at once would overwrite each other's record."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    check_target(folder / ".lock", within=folder)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AuditError(f"another run writes to '{folder}' now; wait for its end") from None
    try:
        for place in (folder, folder / "tables", folder / "arrays"):
            remove_unfinished(place)
        yield
    finally:
        lock.release()


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Raises
    ------
    OSError
        If it can't be read, or isn't a file.
    """
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
