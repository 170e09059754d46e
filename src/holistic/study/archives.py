"""Reads labelled pictures one after another from tar shards and from Parquet files."""

from __future__ import annotations

import glob
import json
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from holistic.arguments import WRITTEN, printable
from holistic.errors import DataError, shortened
from holistic.study.given import Given
from holistic.study.loaders import read_iterable
from holistic.study.pictures import SUFFIXES, read_picture
from holistic.study.streams import columns_of

__all__ = ["PACKED", "read_packed"]

Size = tuple[int, int] | None
Example = tuple[np.ndarray, Any]
_LABELS = ("label", "cls", "class", "target", "y")
_RANGE = re.compile(r"\{([0-9]{1,9})\.\.([0-9]{1,9})\}")
_MOST_FILES = 1_000_000
_MEMBER = 1 << 28
"""Bytes of a file in a shard at most: 256 MiB."""
_ROWS = 32


def read_packed(kind: str, pattern: str, size: Size) -> Given:
    """Read every picture of shards with its label, in the shards' order.

    Parameters
    ----------
    kind
        `tar` or `parquet`.
    pattern
        A file, or a pattern of files: `*`, `?`, or `{000..009}`.
    size
        Height and width that each picture is brought to; their own where None.

    Raises
    ------
    DataError
        If there is no such file, one is damaged, or a picture has no label.
    """
    files = _files(kind, pattern)
    examples = (example for file in files for example in PACKED[kind](file, size))
    inputs, labels, _ = read_iterable(examples)
    names = _names_in(files[0]) if kind == "parquet" else ()
    if not names and labels.dtype.kind == "U":
        names = tuple(sorted({*labels.tolist()}))
    return Given(inputs, labels, names)


def _files(kind: str, pattern: str) -> list[Path]:
    """Files of a pattern, each once, in the order of their names."""
    if not printable(pattern):
        raise DataError(f"{pattern!r} has characters that can't be shown; rename the file")
    found = [Path(name) for one in _numbered(pattern) for name in sorted(glob.glob(one))]
    found = [path for path in dict.fromkeys(found) if path.is_file()]
    if not found and Path(pattern).is_file():  # a name with brackets
        found = [Path(pattern)]
    if not found:
        raise DataError(
            f"no file '{pattern}'; '{kind}:PATTERN' needs a file or a pattern of them, as "
            f"shards/*.{kind} or shards/{{000..009}}.{kind}"
        )
    return found


def _numbered(pattern: str) -> Iterator[str]:
    """Write `{000..009}` out as the numbers that it stands for."""
    found = _RANGE.search(pattern)
    if found is None:
        yield pattern
        return
    first, last = (int(number) for number in found.groups())
    if last - first >= _MOST_FILES:
        raise DataError(f"'{pattern}' names {last - first + 1:,} files; name fewer")
    for number in range(first, last + 1):
        text = str(number).zfill(len(found[1]))
        yield from _numbered(pattern[: found.start()] + text + pattern[found.end() :])


def _of_tar(file: Path, size: Size) -> Iterator[Example]:
    """Pictures of a shard with the labels beside them: `key.png` with `key.cls` or `key.json`."""
    key, parts = "", dict[str, bytes]()
    try:
        with tarfile.open(file, "r|*") as shard:
            for member in shard:
                name, _, suffix = Path(member.name).name.partition(".")
                if not member.isfile() or not name:
                    continue
                place = str(Path(member.name).with_name(name))
                if place != key:
                    yield from _of_key(file, key, parts, size)
                    key, parts = place, {}
                own = shard.extractfile(member) if _wanted(suffix) else None
                if own is not None and member.size > _MEMBER:
                    raise DataError(f"'{member.name}' in '{file}' has {member.size / 1e9:.1f} GB")
                parts |= {} if own is None else {suffix.lower(): own.read()}
        _check_end(file)
        yield from _of_key(file, key, parts, size)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise _damaged(file, error) from None


def _wanted(suffix: str) -> bool:
    return suffix.lower() in ("cls", "json") or _picture(suffix)


def _picture(suffix: str) -> bool:
    return f".{suffix.lower().rpartition('.')[2]}" in SUFFIXES


def _check_end(file: Path) -> None:
    """Refuse a plain shard without the empty blocks that stand at the end of a whole one."""
    if tarfile.is_tarfile(file) and zipped(file):
        return
    with file.open("rb") as data:
        data.seek(max(0, os.path.getsize(file) - 512))
        if data.read().strip(b"\0") or os.path.getsize(file) % 512:
            raise tarfile.ReadError("it ends early")


def zipped(file: Path) -> bool:
    """Say whether a shard is compressed."""
    try:
        with tarfile.open(file, "r:"):
            return False
    except tarfile.TarError:
        return True


def _damaged(file: Path, error: Exception) -> DataError:
    return DataError(
        f"'{file}' is a damaged shard: {shortened(str(error)) or type(error).__name__}; copy or "
        "make it again, or leave it out of the pattern"
    )


def _of_key(file: Path, key: str, parts: Mapping[str, bytes], size: Size) -> Iterator[Example]:
    if not parts:
        return
    pictures = [suffix for suffix in parts if _picture(suffix)]
    if len(pictures) != 1:
        raise DataError(
            f"'{key}' in '{file}' has {len(pictures)} pictures; each key needs one, as {key}.png"
        )
    label = _label(parts)
    if label is None:
        raise DataError(
            f"'{key}.{pictures[0]}' in '{file}' has no label; put {key}.cls beside it, or "
            f'{key}.json with "label"'
        )
    name = f"{key}.{pictures[0]}' in '{file}"
    yield read_picture(name, parts[pictures[0]], size), label


def _label(parts: Mapping[str, bytes]) -> int | str | None:
    """Class index or name of a picture; None without one."""
    if "cls" in parts:
        return _index_or_name(parts["cls"].decode("utf-8", "replace").strip())
    try:
        record = json.loads(parts.get("json", b"null"))
    except ValueError:
        return None
    found = (
        record.get(next((n for n in _LABELS if n in record), ""))
        if isinstance(record, dict)
        else record
    )
    return _index_or_name(found)


def _index_or_name(label: Any) -> int | str | None:
    if isinstance(label, str) and label:
        return int(label) if re.fullmatch(WRITTEN, label) else label
    return label if isinstance(label, int) and not isinstance(label, bool) else None


def _of_parquet(file: Path, size: Size) -> Iterator[Example]:
    """Rows of a Parquet file: a column of pictures and one of labels."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(file)
        inputs, labels, _ = columns_of(table.schema_arrow.names)
        place = 0
        for batch in table.iter_batches(_ROWS, columns=[inputs, labels]):
            rows = zip(batch.column(inputs).to_pylist(), batch.column(labels), strict=True)
            for value, label in rows:
                name = f"row {place}' of '{file}"
                yield _cell(name, value, size), _known(name, label.as_py())
                place += 1
    except DataError as error:
        raise DataError(str(error) if str(file) in str(error) else f"'{file}': {error}") from None
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file, error) from None


def _cell(name: str, value: Any, size: Size) -> np.ndarray:
    """Return the numbers of one cell: a picture's bytes, plain or as Hugging Face keeps them."""
    value = value.get("bytes") if isinstance(value, dict) else value
    if isinstance(value, bytes):
        return read_picture(name, value, size)
    if value is None:
        raise DataError(f"'{name}' has no picture in it, only a path or nothing")
    return np.asarray(value, np.float32)


def _known(name: str, label: Any) -> int | str:
    if label is None:
        raise DataError(f"'{name}' has no label")
    return label


def _names_in(file: Path) -> tuple[str, ...]:
    """Names of the classes that Hugging Face writes into a Parquet file; none without."""
    from pyarrow import parquet

    known = parquet.read_schema(file)
    try:
        record = json.loads((known.metadata or {})[b"huggingface"])["info"]["features"]
        return tuple(map(str, record[columns_of(known.names)[1]]["names"]))
    except (KeyError, TypeError, ValueError, DataError):
        return ()


PACKED: Mapping[str, Callable[[Path, Size], Iterator[Example]]] = {
    "tar": _of_tar,
    "parquet": _of_parquet,
}
"""By kind, what reads the examples of one file."""
