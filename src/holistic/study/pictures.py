"""Reads the pictures of a folder as numbers from 0 to 1."""

from __future__ import annotations

import io
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from holistic.arguments import printable
from holistic.errors import DataError, listed
from holistic.study.streams import Gathered
from holistic.unpacked import check_unpacked

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["FEWEST", "SUFFIXES", "Pictures", "picture_numbers", "read_folder", "read_picture"]

SUFFIXES = frozenset(
    ".png .jpg .jpeg .jfif .bmp .gif .tif .tiff .webp .pgm .ppm .pnm".split()
)  # what else lies in a folder is left out, and told
_SIDES = frozenset("train training test testing val valid validation".split())
FEWEST = 4
"""Pictures of a class that can be halved twice: to train and to study, to choose and to measure."""
_COLOUR = frozenset(("RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV"))
_SIXTEEN = frozenset(("PNG", "PPM"))
"""Formats whose mode `I` means 16 bits."""
_TURNED = "were turned upright as their EXIF data says"
_STRETCHED = "of other proportions were stretched to the size asked for"
_COARSE = "of 16 bits a colour were read with the upper 8"
_PIXEL = 3 * np.dtype(np.float32).itemsize
"""Bytes of a pixel once it is read, in colours."""
_FOLDER, _FOLDER_TIMES = 1 << 30, 1000
"""What all pictures of a folder may come to, in bytes, and how many times their files beyond."""
_NO_LABEL = np.zeros(1, np.int64)
_AT_ONCE = 64
_EXPANDED = "in grey among colours were given three equal channels"


@dataclass(frozen=True)
class Pictures:
    """A folder's pictures with their classes.

    Attributes
    ----------
    pixels
        float32 `[N, channels, H, W]` in 0 to 1; one channel where all are grey, else three.
    labels
        int64 `[N]`.
    classes
        Names of the class folders.
    notes
        One line for each thing that was done to some pictures or left out.
    """

    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Picture:
    """One picture `[channels, H, W]` as it was stored, what stands for 1, and what was done."""

    pixels: np.ndarray
    full: int
    done: tuple[str, ...] = ()


def picture_numbers(picture: Image) -> np.ndarray:
    """Return a picture that is open already as `read_folder` reads one: `[channels, H, W]`.

    Raises
    ------
    DataError
        If it has no single meaning.
    """
    pixels, full = _numbers(
        f"a picture of {picture.width} × {picture.height}", picture, picture.format or ""
    )
    return pixels / np.float32(full)


def read_folder(
    path: Path, *, size: tuple[int, int] | None = None, fewest: int = FEWEST
) -> Pictures:
    """Read a folder of class folders; pictures may lie in folders of folders within a class.

    Bits are scaled by what stands for white (255, or 65535), pictures in floating point must lie
    in 0 to 1 as they are. Palettes, CMYK and the like become colours, transparency is refused.

    Parameters
    ----------
    path
        One folder for each class.
    size
        Height and width that each picture is brought to; their own by default.
    fewest
        Pictures that each class needs; with 0, a class may have an empty folder and so only a name.

    Raises
    ------
    DataError
        If there are too few classes or pictures, one can't be read or has no single meaning, or
        they differ in size.
    """
    classes, files, left_out = _found(path, fewest)
    stack, labels = _Stack(), list[int]()
    packed, unpacked = 0, 0
    for label, file in ((label, file) for label, own in enumerate(files) for file in own):
        picture = _resized(_read(file), size)
        stack.add(file, picture)
        labels.append(label)
        packed += file.stat().st_size
        unpacked += picture.pixels.size * 4
        check_unpacked(
            f"the folder '{path}'", unpacked, packed, error=DataError, least=_FOLDER,
            times=_FOLDER_TIMES,
        )  # fmt: skip
    stack.check_sizes(path)
    pixels = stack.whole()
    notes = [f"'{path}': {count:,} pictures {what}" for what, count in stack.done.items()]
    return Pictures(pixels, np.array(labels), classes, (*notes, *left_out))


class _Stack:
    """Pictures of one size, brought to 0 to 1 and one number of channels as they come."""

    def __init__(self) -> None:
        self.done = Counter[str]()
        self._sizes = dict[tuple[int, ...], tuple[int, Path]]()
        self._rows = Gathered()
        self._grey = 0

    def add(self, file: Path, picture: _Picture) -> None:
        """Add a picture; of those of several sizes the sizes alone."""
        self.done.update(picture.done)
        count, first = self._sizes.get(picture.pixels.shape[1:], (0, file))
        self._sizes[picture.pixels.shape[1:]] = count + 1, first
        if len(self._sizes) > 1:
            return
        row = (picture.pixels / np.float32(picture.full))[None]
        channels = self._rows.shape[0] if self._rows.count else row.shape[1]
        if channels < row.shape[1]:
            self._in_colour()
        elif channels > row.shape[1]:
            row = row.repeat(channels, 1)
        self._grey += len(picture.pixels) == 1
        self._rows.add(row, _NO_LABEL, 0)

    def _in_colour(self) -> None:
        grey, self._rows = self._rows.whole()[0], Gathered()
        for start in range(0, len(grey), _AT_ONCE):
            some = grey[start : start + _AT_ONCE].repeat(3, 1)
            self._rows.add(some, _NO_LABEL.repeat(len(some)), 0)

    def check_sizes(self, path: Path) -> None:
        """Refuse pictures of several sizes."""
        if len(self._sizes) == 1:
            return
        sizes = Counter({size: count for size, (count, _) in self._sizes.items()})
        usual = sizes.most_common(1)[0][0]
        other = next(file for size, (_, file) in self._sizes.items() if size != usual)
        listing = ", ".join(f"{w} × {h} ({n})" for (h, w), n in sizes.most_common(4))
        more = f" and {len(sizes) - 4} more" if len(sizes) > 4 else ""
        raise DataError(
            f"the pictures in '{path}' have {len(sizes)} sizes, {listing}{more}, as '{other}'; all "
            "must have one size: --resize, or crop them as for the model's training"
        )

    def whole(self) -> np.ndarray:
        """Return all pictures `[N, channels, H, W]`, after noting how many grey ones changed."""
        pixels = self._rows.whole()[0]
        if pixels.shape[1] > 1 and self._grey:
            self.done.update({_EXPANDED: self._grey})
        return pixels


def _resized(picture: _Picture, size: tuple[int, int] | None) -> _Picture:
    """Bring a picture to a height and width, bilinearly, averaging where it gets smaller."""
    from PIL import Image

    height, width = picture.pixels.shape[1:]
    if size is None or size == (height, width):
        return picture
    channels = [
        np.asarray(
            Image.fromarray(channel.astype(np.float32)).resize(
                (size[1], size[0]), Image.Resampling.BILINEAR
            )
        )
        for channel in picture.pixels
    ]
    stretched = height * size[1] != width * size[0]
    return replace(
        picture, pixels=np.stack(channels), done=(*picture.done, *([_STRETCHED] * stretched))
    )


def _found(path: Path, fewest: int) -> tuple[tuple[str, ...], list[list[Path]], list[str]]:
    """Names of the classes, their pictures, and a line on what isn't one."""
    if not path.is_dir():
        raise DataError(f"no folder '{path}'; 'folder:PATH' needs one folder of pictures per class")
    folders = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    strays = [p for p in sorted(path.iterdir()) if not p.is_dir()]
    if len(folders) < 2:
        raise DataError(
            f"'{path}' holds {len(folders)} class folders; at least 2 are needed, one for each "
            "class with its pictures inside"
        )
    files = list[list[Path]]()
    for folder in folders:
        own, others = _sorted_out(folder)
        strays += others
        files.append(own)
    _check_names(path, folders, files)
    for folder, own in zip(folders, files, strict=True):
        if len(own) < fewest:
            raise DataError(
                f"'{folder}' holds {len(own)} pictures; at least {fewest} are needed in each class"
            )
    if not any(files):
        raise DataError(f"'{path}' holds no pictures; each class needs some in its folder")
    note = (
        [f"'{path}': {len(strays):,} files that are no pictures were left out ({_named(strays)})"]
        if strays
        else []
    )
    return tuple(folder.name for folder in folders), files, note


def _named(files: Sequence[Path]) -> str:
    return listed([file.name for file in files], 3)


def _sorted_out(folder: Path) -> tuple[list[Path], list[Path]]:
    """Pictures below a folder, and the files that are none: hidden ones, pipes, other kinds."""
    pictures, others = list[Path](), list[Path]()
    for file in _files_below(folder):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        usual = file.suffix.lower() in SUFFIXES and not hidden and file.is_file()
        (pictures if usual else others).append(file)
    return sorted(pictures), sorted(others)


def _files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, through links, each folder once."""

    def stop(fault: OSError) -> None:
        raise DataError(f"'{fault.filename}' can't be read: {fault.strerror}; check its rights")

    seen = set[str]()
    for place, folders, files in os.walk(folder, followlinks=True, onerror=stop):
        seen.add(os.path.realpath(place))
        folders[:] = [f for f in folders if os.path.realpath(Path(place, f)) not in seen]
        yield from (Path(place, file) for file in files)


def _check_names(path: Path, folders: Sequence[Path], files: Sequence[Sequence[Path]]) -> None:
    """Refuse folders that are splits, not classes, and names that no table can hold."""
    names = [folder.name for folder in folders]
    below = all(f.parent != folder for folder, own in zip(folders, files, strict=True) for f in own)
    if below and {name.lower() for name in names} <= _SIDES:
        raise DataError(
            f"'{path}' holds {listed(names)}, which are no classes; name the one to study, "
            f"as 'folder:{path / names[0]}'"
        )
    for name in names:
        if not printable(name):
            raise DataError(
                f"the class folder {name!r} in '{path}' has a name with characters that can't be "
                "shown; rename it"
            )


def read_picture(name: str, data: bytes, size: tuple[int, int] | None) -> np.ndarray:
    """Read a picture out of its file's bytes as `read_folder` does: `[channels, H, W]`.

    Parameters
    ----------
    name
        What errors call it.
    data
        What the file holds.
    size
        Height and width that it is brought to; its own where None.

    Raises
    ------
    DataError
        If it can't be read or has no single meaning.
    """
    picture = _resized(_opened(name, io.BytesIO(data), len(data)), size)
    return picture.pixels / np.float32(picture.full)


def _read(file: Path) -> _Picture:
    """Read one picture."""
    return _opened(str(file), file, file.stat().st_size)


def _opened(file: str, source: Path | io.BytesIO, packed: int) -> _Picture:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(source) as picture:
            pixels = picture.width * picture.height
            check_unpacked(f"'{file}'", pixels * _PIXEL, packed, error=DataError)
            _check_frames(file, picture)
            stored = _stored(picture)
            turned = picture.getexif().get(0x0112, 1) not in (0, 1)
            upright = ImageOps.exif_transpose(picture) if turned else picture
            pixels, full = _numbers(file, upright, picture.format or "")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"'{file}' is no picture that can be read: {error}") from None
    except (SyntaxError, ValueError, IndexError, TypeError, EOFError, OverflowError) as error:
        raise DataError(f"'{file}' is a damaged picture: {error}") from None
    pixels = pixels[:1] if stored.startswith("LA") else pixels  # Pillow makes colours of those
    coarse = "16" in stored and full == 255
    return _Picture(pixels, full, (*([_TURNED] * turned), *([_COARSE] * coarse)))


def _stored(picture: Image) -> str:
    """Name how the file itself holds a pixel (`RGB;16B`)."""
    tiles: list[Any] = getattr(picture, "tile", [])
    args = tiles[0].args if tiles else ""
    if isinstance(args, tuple) and len(args) > 1 and picture.format == "PPM":
        return f"{args[0]};16" if args[1] > 255 else str(args[0])  # its largest number
    return str(args if isinstance(args, str) or not args else args[0])


def _check_frames(file: str, picture: Image) -> None:
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":  # a camera's file, whose others are previews
        raise DataError(
            f"'{file}' holds {frames} frames; save the one that is meant as a picture of its own"
        )


def _numbers(file: object, picture: Image, kind: str) -> tuple[np.ndarray, int]:
    """Pixels `[channels, H, W]` of a picture by its mode, and the number that stands for 1."""
    mode = picture.mode
    _check_opaque(file, picture)
    if mode.startswith("I;16") or (mode == "I" and kind in _SIXTEEN):
        return np.asarray(picture).astype(np.uint16)[None], 65535
    if mode == "F":
        return _fractions(file, np.asarray(picture))[None], 1
    if mode in ("1", "L", "LA"):
        return np.asarray(picture.convert("L"))[None], 255
    if mode not in _COLOUR and mode not in ("P", "PA"):
        raise DataError(
            f"'{file}' has pixels of mode '{mode}', whose range isn't known; "
            "save it as grey or RGB of 8 or 16 bits"
        )
    pixels = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
    palette = mode in ("P", "PA")
    return (pixels[:1] if palette and bool((pixels == pixels[:1]).all()) else pixels), 255


def _check_opaque(file: object, picture: Image) -> None:
    """Refuse a picture through which something shows; alpha that hides nothing is left out."""
    clear = picture.info.get("transparency")
    if picture.mode.startswith("I"):
        hidden = clear is not None and bool((np.asarray(picture) == clear).any())
    elif clear is not None or picture.mode in ("LA", "PA", "RGBA"):
        hidden = bool((np.asarray(picture.convert("RGBA"))[..., 3] < 255).any())
    else:
        hidden = False
    if hidden:
        raise DataError(
            f"'{file}' is partly transparent, and what shows through isn't known; "
            "save it on the background that the model was trained with"
        )


def _fractions(file: object, pixels: np.ndarray) -> np.ndarray:
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 1):
        raise DataError(
            f"'{file}' holds numbers from {low:g} to {high:g}; pictures in floating point must lie "
            "in 0 to 1: rescale them as for the model's training"
        )
    return pixels
