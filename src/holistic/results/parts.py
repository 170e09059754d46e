"""The folders that the shards of a run work in, each in one of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from holistic.errors import SettingError
from holistic.results.files import SHARDS

__all__ = ["WEIGHTS", "Shard", "fellows", "shard_of", "shards_in"]

WEIGHTS = "model.safetensors"
"""File beside an audit that holds the weights of a reference model."""
_MOST = 10_000


@dataclass(frozen=True, order=True)
class Shard:
    """One of the shards that share a run, counted from 1."""

    count: int
    number: int

    @classmethod
    def read(cls, text: str) -> Shard:
        """Read a shard.

        Raises
        ------
        SettingError
            If there is no such shard.

        Examples
        --------
        >>> Shard.read("2/4")
        Shard(count=4, number=2)
        """
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip(), re.ASCII)
        if not found or not 1 <= int(found[1]) <= int(found[2]) <= _MOST:
            raise SettingError(
                f"--shard must be one of so many, such as 1/4 to 4/4 (at most {_MOST:,}), "
                f"got '{text}'"
            )
        return cls(int(found[2]), int(found[1]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def folder(self, home: Path) -> Path:
        """Where the shard saves what it finishes of the audit in a folder."""
        return home / SHARDS / f"{self.number}-of-{self.count}"


def shard_of(folder: Path) -> Shard | None:
    """Say which shard works in a folder; None where it is that of a whole audit."""
    found = re.fullmatch(r"([0-9]{1,6})-of-([0-9]{1,6})", folder.name, re.ASCII)
    inside = folder.parent.name == SHARDS and found
    return Shard(int(found[2]), int(found[1])) if inside and found else None


def shards_in(home: Path) -> dict[Shard, Path]:
    """Folders of the shards that have begun, in their order."""
    place = home / SHARDS
    if place.is_symlink() or not place.is_dir():
        return {}
    found = {shard_of(path): path for path in place.iterdir() if path.is_dir()}
    return {shard: found[shard] for shard in sorted(filter(None, found))}


def fellows(folder: Path) -> tuple[Path, ...]:
    """Folders of all others that work on the same run as the one in a folder."""
    home = folder.parent.parent if shard_of(folder) else folder
    return tuple(path for path in (home, *shards_in(home).values()) if path != folder)
