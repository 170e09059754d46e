"""Do pictures of every kind become the numbers that they show, or are they refused?"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from holistic.errors import DataError, Notice
from holistic.study.datasets import load_data
from holistic.study.pictures import Pictures, read_folder

GREY = np.arange(63, dtype=np.uint8).reshape(7, 9) * 4
COLOUR = np.stack([GREY, 255 - GREY, GREY // 2], -1)
DEEP = np.arange(63, dtype=np.uint16).reshape(7, 9) * 1037 + 11


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels: np.ndarray, kind: int) -> bytes:
    """Write a PNG of 16 bits a channel: kind 0 grey, 2 colour, 4 grey and alpha."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">2I5B", pixels.shape[1], pixels.shape[0], 16, kind, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def deep(pixels: np.ndarray, kind: int) -> Callable[[Path], int]:
    return lambda file: file.write_bytes(png(pixels, kind))


def saved(picture: Image.Image, **options: object) -> Callable[[Path], None]:
    return lambda file: picture.save(file, **options)


def with_alpha(pixels: np.ndarray, alpha: int) -> Image.Image:
    bands = pixels if pixels.ndim == 3 else pixels[..., None]
    return Image.fromarray(np.concatenate([bands, np.full_like(bands[..., :1], alpha)], -1))


def palette(pixels: np.ndarray) -> Image.Image:
    """Make a picture whose pixels are indices into a palette of exactly its colours."""
    picture = Image.fromarray(np.arange(63, dtype=np.uint8).reshape(7, 9), "P")
    picture.putpalette(pixels.reshape(-1, 3).tobytes() + bytes(3 * (256 - 63)))
    return picture


def bits() -> Image.Image:
    return Image.fromarray(GREY > 100)


def read(folder: Path, write: Callable[[Path], object], name: str, others: int = 0) -> Pictures:
    """Write one kind of picture four times in each of two classes and read them."""
    for kind in ("cat", "dog"):
        (folder / kind).mkdir(exist_ok=True)
        for i in range(4):
            write(folder / kind / f"{i}{name}")
    return read_folder(folder)


CMYK = Image.fromarray(COLOUR).convert("CMYK")
THREE = np.stack([GREY] * 3, -1)
RIGHT = {
    "grey": (saved(Image.fromarray(GREY)), ".png", GREY / 255),
    "colour": (saved(Image.fromarray(COLOUR)), ".png", COLOUR / 255),
    "16-bit PNG": (saved(Image.fromarray(DEEP)), ".png", DEEP / 65535),
    "16-bit TIFF": (saved(Image.fromarray(DEEP)), ".tif", DEEP / 65535),
    "16-bit big-endian TIFF": (saved(Image.fromarray(DEEP.astype(">u2"))), ".tiff", DEEP / 65535),
    "16-bit PGM": (
        lambda f: f.write_bytes(b"P5\n9 7\n65535\n" + DEEP.astype(">u2").tobytes()),
        ".pgm",
        DEEP / 65535,
    ),
    "float TIFF": (saved(Image.fromarray((DEEP / 65535).astype("f4"))), ".tif", DEEP / 65535),
    "1-bit PNG": (saved(bits()), ".png", (GREY > 100) * 1.0),
    "1-bit TIFF": (saved(bits()), ".tif", (GREY > 100) * 1.0),
    "grey with alpha": (saved(with_alpha(GREY, 255)), ".png", GREY / 255),
    "16-bit grey with alpha": (
        deep(np.stack([DEEP & 0xFF00, np.full_like(DEEP, 65535)], -1), 4),
        ".png",
        (DEEP >> 8) / 255,
    ),
    "colour with alpha": (saved(with_alpha(COLOUR, 255)), ".png", COLOUR / 255),
    "palette": (saved(palette(COLOUR)), ".png", COLOUR / 255),
    "grey palette": (saved(palette(THREE)), ".png", GREY / 255),
    "GIF": (saved(palette(COLOUR)), ".gif", COLOUR / 255),
    "grey GIF": (saved(Image.fromarray(GREY)), ".gif", GREY / 255),
    "BMP": (saved(Image.fromarray(COLOUR)), ".bmp", COLOUR / 255),
    "WebP": (saved(Image.fromarray(COLOUR), lossless=True), ".webp", COLOUR / 255),
    "CMYK TIFF": (saved(CMYK), ".tif", np.asarray(CMYK.convert("RGB")) / 255),
    "capitals": (saved(Image.fromarray(GREY)), ".PNG", GREY / 255),
    "YCbCr TIFF": (
        saved(Image.fromarray(COLOUR).convert("YCbCr")),
        ".tif",
        np.asarray(Image.fromarray(COLOUR).convert("YCbCr").convert("RGB")) / 255,
    ),
}


@pytest.mark.parametrize("kind", RIGHT)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_each_kind_of_picture_is_read_right(tmp_path: Path, kind: str) -> None:
    write, name, expected = RIGHT[kind]
    found = read(tmp_path, write, name)
    expected = expected[None] if expected.ndim == 2 else expected.transpose(2, 0, 1)
    assert found.pixels.dtype == np.float32
    assert found.pixels.shape == (8, *expected.shape)
    np.testing.assert_allclose(found.pixels[5], expected, atol=1e-7)
    assert found.labels.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_photographs_are_close_to_what_was_saved(tmp_path: Path) -> None:
    smooth = np.stack([np.linspace(0, 200, 64).reshape(8, 8).astype(np.uint8)] * 3, -1)
    found = read(tmp_path, saved(Image.fromarray(smooth), quality=95), ".jpg")
    np.testing.assert_allclose(found.pixels[0], smooth.transpose(2, 0, 1) / 255, atol=0.05)


def test_colours_of_16_bits_keep_the_upper_8_and_say_so(tmp_path: Path) -> None:
    colours = np.stack([DEEP, 65535 - DEEP, DEEP // 2], -1)
    found = read(tmp_path, deep(colours, 2), ".png")
    np.testing.assert_allclose(found.pixels[0], colours.transpose(2, 0, 1) / 65535, atol=1 / 255)
    assert found.notes == (
        f"'{tmp_path}': 8 pictures of 16 bits a colour were read with the upper 8",
    )


def portable(colours: np.ndarray, most: int) -> Callable[[Path], int]:
    """Write a PPM whose largest number is `most`."""
    pixels = colours.astype(">u2" if most > 255 else np.uint8).tobytes()
    head = f"P6 {colours.shape[1]} {colours.shape[0]} {most}\n".encode()
    return lambda file: file.write_bytes(head + pixels)


@pytest.mark.parametrize("most", [65535, 1023, 255, 15])
def test_a_portable_pixmap_of_more_than_8_bits_says_so(tmp_path: Path, most: int) -> None:
    colours = np.stack([DEEP, 65535 - DEEP, DEEP // 2], -1).astype(np.int64) * most // 65535
    found = read(tmp_path, portable(colours, most), ".ppm")
    np.testing.assert_allclose(found.pixels[0], colours.transpose(2, 0, 1) / most, atol=1 / 255)
    line = f"'{tmp_path}': 8 pictures of 16 bits a colour were read with the upper 8"
    assert found.notes == ((line,) if most > 255 else ())


def test_pictures_are_turned_upright_and_that_is_told(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    found = read(tmp_path, saved(Image.fromarray(COLOUR), exif=exif), ".png")
    upright = np.rot90(COLOUR, -1).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(found.pixels[0], upright, atol=1e-7)
    assert found.notes == (f"'{tmp_path}': 8 pictures were turned upright as their EXIF data says",)


def test_grey_pictures_among_colour_are_told(tmp_path: Path) -> None:
    read(tmp_path, saved(Image.fromarray(COLOUR)), ".png")
    Image.fromarray(GREY).save(tmp_path / "dog" / "9.png")
    found = read_folder(tmp_path)
    assert found.pixels.shape == (9, 3, 7, 9)
    np.testing.assert_allclose(found.pixels[8], np.stack([GREY] * 3) / 255, atol=1e-7)
    assert "1 pictures in grey among colours were given three" in found.notes[0]


CLEAR = palette(COLOUR)
FRAMES = {"save_all": True, "append_images": [Image.fromarray(255 - GREY)]}
REFUSED = {
    "clear colour": (saved(with_alpha(COLOUR, 100)), ".png", "is partly transparent"),
    "clear grey": (saved(with_alpha(GREY, 254)), ".png", "is partly transparent"),
    "clear palette": (saved(CLEAR, transparency=3), ".png", "is partly transparent"),
    "clear GIF": (saved(CLEAR, transparency=3), ".gif", "is partly transparent"),
    "animation": (saved(Image.fromarray(GREY), **FRAMES), ".gif", "holds 2 frames"),
    "pages": (saved(Image.fromarray(GREY), **FRAMES), ".tif", "holds 2 frames"),
    "wide floats": (
        saved(Image.fromarray(GREY.astype("f4"))),
        ".tif",
        "holds numbers from 0 to 248; pictures in floating point must lie in 0 to 1",
    ),
    "NaN": (saved(Image.fromarray(np.full((7, 9), np.nan, "f4"))), ".tif", "from nan to nan"),
    "32 bits": (saved(Image.fromarray(GREY.astype("i4"))), ".tif", "mode 'I', whose range"),
    "LAB": (saved(Image.fromarray(COLOUR, "LAB")), ".tif", "mode 'LAB', whose range"),
    "no picture": (lambda f: f.write_bytes(b"no picture"), ".png", "no picture that can be read"),
    "empty": (lambda f: f.write_bytes(b""), ".png", "no picture that can be read"),
    "cut off": (
        lambda f: f.write_bytes(png(DEEP, 0)[:80]),
        ".png",
        "no picture that can be read|damaged",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_pictures_without_one_meaning_are_refused(tmp_path: Path, kind: str) -> None:
    write, name, told = REFUSED[kind]
    with pytest.raises(DataError, match=told) as error:
        read(tmp_path, write, name)
    assert f"0{name}" in str(error.value)
    assert "\n" not in str(error.value)


def test_folders_within_a_class_are_read(tmp_path: Path) -> None:
    read(tmp_path, saved(Image.fromarray(GREY)), ".png")
    deeper = tmp_path / "cat" / "2024" / "may"
    deeper.mkdir(parents=True)
    Image.fromarray(255 - GREY).save(deeper / "a.png")
    (tmp_path / "cat" / "2024" / "again").symlink_to(tmp_path / "cat", target_is_directory=True)
    found = read_folder(tmp_path)
    assert np.bincount(found.labels).tolist() == [5, 4]
    assert any(np.allclose(p[0], (255 - GREY) / 255) for p in found.pixels[:5])
    assert found.notes == ()


def test_files_that_are_no_pictures_are_told(tmp_path: Path) -> None:
    read(tmp_path, saved(Image.fromarray(GREY)), ".png")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "cat" / "thumbs.db").write_text("mine")
    (tmp_path / "cat" / ".hidden.png").write_text("mine")
    os.mkfifo(tmp_path / "dog" / "pipe.png")
    with pytest.warns(Notice) as told:
        data = load_data(f"folder:{tmp_path}")
    assert data.test.images.shape == (4, 1, 7, 9)
    assert str(told[0].message) == (
        f"'{tmp_path}': 4 files that are no pictures were left out "
        "('notes.txt', '.hidden.png', 'thumbs.db' and 1 more)"
    )


def test_pictures_of_several_sizes_say_which_and_what_to_do(tmp_path: Path) -> None:
    read(tmp_path, saved(Image.fromarray(GREY)), ".png")
    Image.fromarray(GREY[:5]).save(tmp_path / "dog" / "9.png")
    with pytest.raises(
        DataError, match=r"2 sizes, 9 × 7 \(8\), 9 × 5 \(1\), as '.*dog/9.png'; all must have one"
    ):
        read_folder(tmp_path)


def test_folders_that_are_splits_are_no_classes(tmp_path: Path) -> None:
    for side in ("train", "val"):
        (tmp_path / side).mkdir()
        read(tmp_path / side, saved(Image.fromarray(GREY)), ".png")
    with pytest.raises(DataError, match=r"'train', 'val', which are no classes; .*/train'"):
        read_folder(tmp_path)
    assert read_folder(tmp_path / "val").classes == ("cat", "dog")


def test_a_class_that_cannot_be_named_is_refused(tmp_path: Path) -> None:
    read(tmp_path, saved(Image.fromarray(GREY)), ".png")
    (tmp_path / "dog").rename(tmp_path / "d\nog")
    with pytest.raises(DataError, match=r"class folder 'd\\nog' .* rename it"):
        read_folder(tmp_path)


def blank(width: int, height: int) -> bytes:
    """Make a PNG of one colour: a thousandth of its pixels."""
    rows = bytes(height * (width // 8 + 1))
    header = struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_small_pictures_that_unpack_to_gigabytes_are_refused(tmp_path: Path) -> None:
    content = blank(12_000, 12_000)
    with pytest.raises(DataError, match=r"'.*0\.png' would unpack from .* KB to 1\.7 GB, more"):
        read(tmp_path, lambda file: file.write_bytes(content), ".png")


def test_small_folders_that_unpack_to_gigabytes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = blank(2000, 2000)
    read(tmp_path, lambda file: file.write_bytes(content), ".png")
    monkeypatch.setattr("holistic.study.pictures._FOLDER", 50 << 20)
    with pytest.raises(DataError, match=rf"folder '{tmp_path}' would unpack from .* to 64\.0 MB"):
        read_folder(tmp_path)
