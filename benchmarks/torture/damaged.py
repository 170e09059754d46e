"""Bad input gets one line, or a right run.

Each mutant is tried in a process of its own, forked from one that has imported everything, with a
limit of time and of memory. It holds where the command exits with 2 and one line, or with 0; where
an input is damaged so that it must be noticed, 0 is silence.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.torture.children import Try, outcome, run

__all__ = ["FULL", "SHORT", "Input", "damaged", "tries"]

FULL, SHORT = 1000, 40
_HELD = ("told", "ran")
_LIMIT = ("--limit", "40", "--anyway", "--lens", "tracing", "--tracing.controls", "20")


@dataclass(frozen=True)
class Input:
    """One kind of input.

    Attributes
    ----------
    name
        What it is.
    file
        The file that is damaged, in the folder of good inputs.
    words
        The command line; `{}` is that folder's copy.
    text
        Whether it is damaged as text: words are spliced in.
    sealed
        Whether any change must be noticed: the file has a checksum, or is compared with one.
    rows
        Whether it is a table of an audit whose rows are changed, its checksum with them.
    """

    name: str
    file: str
    words: tuple[str, ...]
    text: bool = False
    sealed: bool = False
    rows: bool = False


@dataclass(frozen=True)
class Mutant:
    """A damaged input, and whether the damage must be noticed."""

    kind: str
    content: bytes | None
    noticed: bool


_WORDS = (
    *b'nan|1e999|-1|99999999999999999999|null|[]|../../etc/passwd|true|= =|"'.split(b"|"),
    *(b"\x00", b"\xff\xfe", b"{" * 300, b"x" * 5000, b"\n[["),
)


def damaged(content: bytes, rng: np.random.Generator, *, of: Input) -> Mutant:
    """Damage a file in one of several ways."""
    size = len(content)
    at = int(rng.integers(0, size))
    if of.rows:
        kind, changed = respliced(content, rng)
        return Mutant(kind, changed, noticed=False)
    kinds: dict[str, Callable[[], tuple[bytes | None, bool]]] = {
        # the very end may hold nothing: a picture is whole without its last chunk
        "cut off": lambda: (content[: at * 7 // 8], not of.text),
        "empty": lambda: (b"", not of.text),
        "flipped": lambda: (_flipped(content, rng), of.sealed),
        "spliced": lambda: (content[:at] + content[int(rng.integers(0, size)) :], of.sealed),
        "longer": lambda: (content + rng.bytes(int(rng.integers(1, 99))), of.sealed),
        "large length": lambda: (_patched(content, 0, b"\xff" * 8), not of.text),
        "another kind": lambda: (rng.bytes(size), not of.text),
        "pipe": lambda: (None, False),
    }
    if of.text:
        word = _WORDS[int(rng.integers(len(_WORDS)))]
        kinds |= {
            "word put in": lambda: (content[:at] + word + content[at:], of.sealed),
            "number changed": lambda: (_number(content, word, rng), of.sealed),
        }
    kind = list(kinds)[int(rng.integers(len(kinds)))]
    changed, noticed = kinds[kind]()
    return Mutant(kind, changed, noticed and changed != content)


def _flipped(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip one to eight bits, mostly near the front, where headers are."""
    held = bytearray(content)
    for _ in range(int(rng.integers(1, 9))):
        most = len(held) if rng.random() < 0.5 else min(len(held), 200)
        held[int(rng.integers(0, most))] ^= 1 << int(rng.integers(0, 8))
    return bytes(held)


def _patched(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


def _number(content: bytes, word: bytes, rng: np.random.Generator) -> bytes:
    """Put a word in place of a run of digits."""
    found = list(re.finditer(rb"\d+", content))
    if not found:
        return content + word
    one = found[int(rng.integers(len(found)))]
    return content[: one.start()] + word + content[one.end() :]


def respliced(content: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """Change the rows of a valid table, which stays one: how, and the file."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(content))
    n, name = len(table), table.column_names[int(rng.integers(table.num_columns))]
    place, kept = table.column_names.index(name), table.schema.field(name)
    odd: dict[str, list[object]] = {
        "string": ["", "é\n\x1b[2J", "x" * 5000, "</script>", "nowhere", "-1", None],
        "int64": [-1, 2**63 - 1, -(2**63), 10**9, 0, None],
        "double": [1e308, -1e308, float("inf"), float("nan"), 5e-324, None],
        "bool": [True, False, None],
    }
    value = odd[str(kept.type)][int(rng.integers(len(odd[str(kept.type)])))]
    values = table.column(name).to_pylist()
    rows = set(rng.integers(0, max(n, 1), max(n // 3, 1)).tolist())
    some = pa.array([value if i in rows else v for i, v in enumerate(values)], kept.type)
    every = pa.array([value] * n, kept.type)
    kinds: dict[str, Callable[[], pa.Table]] = {
        "rows twice": lambda: table.take(rng.integers(0, max(n, 1), 2 * n)),
        "rows away": lambda: table.take(np.sort(rng.permutation(n)[: n // 2])),
        "one row": lambda: table.slice(0, 1),
        "no rows": lambda: table.slice(0, 0),
        "rows shuffled": lambda: table.take(rng.permutation(n)),
        "cells changed": lambda: table.set_column(place, kept, some),
        "column changed": lambda: table.set_column(place, kept, every),
        "column shuffled": lambda: table.set_column(
            place, kept, table.column(name).take(rng.permutation(n))
        ),
        "column away": lambda: table.drop_columns([name]),
    }
    kind, file = list(kinds)[int(rng.integers(len(kinds)))], io.BytesIO()
    pq.write_table(kinds[kind](), file, compression="zstd")
    return f"{kind} ({name})", file.getvalue()


def _seal(audit: Path, path: Path) -> None:
    """Give a changed file of an audit its right checksum, as whoever passes it on can."""
    import json

    from holistic.results.files import sha256

    record = json.loads((audit / "audit.json").read_text())
    for entry in record["lenses"].values():
        for finding in entry["findings"].values():
            if audit / finding["table"]["path"] == path:
                finding["table"]["sha256"] = sha256(path)
    (audit / "audit.json").write_text(json.dumps(record))


def good(place: Path) -> list[Input]:
    """Make good inputs of every kind."""
    import torch

    from holistic.study.models import build
    from holistic.study.weights import save_weights

    torch.set_num_threads(1)
    small = build("mlp", input_shape=(1, 8, 8), classes=10)
    save_weights(small, place / "w.safetensors", {})
    torch.save(small.state_dict(), place / "w.pt")
    _pictures(place)
    _idx(place)
    wide = build("mlp", input_shape=(1, 28, 28), classes=10)
    save_weights(wide, place / "wide.safetensors", {})
    save_weights(build("mlp", input_shape=(1, 8, 8), classes=2), place / "two.safetensors", {})
    (place / "c.toml").write_text("seed = 1\nlimit = 40\n[tracing]\ncontrols = 20\n")
    (place / "own.py").write_text(_MODULE)
    study = ("run", "digits", *_LIMIT, "--weights", "{}/w.safetensors", "--out", "{}/out")
    words = [word.replace("{}", str(place)) for word in (*study[:-1], f"{place}/audit")]
    if run(words, place / "told"):
        raise SystemExit("the good run failed")
    kept = ("--weights", "{}/two.safetensors", "--out", "{}/out", *_LIMIT[2:])
    own = ("run", "own:data", "--model", "own:model", "--out", "{}/out", *_LIMIT)
    report = ("report", "{}/audit")
    inputs = [
        Input("safetensors", "w.safetensors", study),
        Input("state dict", "w.pt", (*study[:-4], "--weights", "{}/w.pt", "--out", "{}/out")),
        Input("picture", "pictures/a/3.png", ("run", "folder:{}/pictures", *kept)),
        Input("TOML", "c.toml", (*study, "--config", "{}/c.toml"), text=True),
        Input("user's module", "own.py", own, text=True),
        Input("audit.json", "audit/audit.json", report, text=True),
    ]
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        # of MNIST itself no other content is read, however well it is packed
        command = ("run", "fashion-mnist", "--data-dir", "{}", *_LIMIT,
                   "--weights", "{}/wide.safetensors", "--out", "{}/out")  # fmt: skip
        inputs.append(Input("IDX", f"fashion-mnist/{name}.gz", command))
    for kind in ("tables/*.parquet", "arrays/*.npy"):
        files = sorted((place / "audit").glob(kind))[:6]
        inputs += [Input(kind, str(f.relative_to(place)), report, sealed=True) for f in files]
    tables = sorted((place / "audit" / "tables").glob("*.parquet"))
    return inputs + [Input("rows", str(f.relative_to(place)), report, rows=True) for f in tables]


_MODULE = """
import torch
def model():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3))
def data():
    images = torch.randn(60, 4, generator=torch.Generator().manual_seed(1))
    return images, torch.arange(60) % 3
"""


def _pictures(place: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for kind in "ab":
        (place / "pictures" / kind).mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(0, 255, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(place / "pictures" / kind / f"{i}.png")


def _idx(place: Path) -> None:
    import gzip
    import struct

    (place / "fashion-mnist").mkdir()
    rng = np.random.default_rng(0)
    for name in ("train", "t10k"):
        images = rng.integers(0, 255, (60, 28, 28), dtype=np.uint8).tobytes()
        labels = (np.arange(60) % 10).astype(np.uint8).tobytes()
        for kind, dims, content in (("images-idx3", (60, 28, 28), images),
                                    ("labels-idx1", (60,), labels)):  # fmt: skip
            head = struct.pack(f">I{len(dims)}I", 0x0800 + len(dims), *dims)
            with gzip.open(place / "fashion-mnist" / f"{name}-{kind}-ubyte.gz", "wb") as file:
                file.write(head + content)


_FLAGS = (
    "--seed",
    "--limit",
    "--score",
    "--out",
    "--device",
    "--lens",
    "--weights",
    "--config",
    "--unit-axis",
    "--data-dir",
    "--ablation.sets",
    "--attribution.steps",
    "--json",
    "--x",
)
_VALUES = ("", "-1", "0", "nan", "1e9", "9" * 30, "é", "\n", "a=b", "..", "/dev/null", "true",
           "*" * 3000, "accuracy", "cuda:99", "{}/pictures", "'", "own:", ":",
           "os:getcwd")  # fmt: skip


def _command(rng: np.random.Generator) -> tuple[str, ...]:
    """Draw a command line; its good part would run at once."""
    study = ("run", "digits", *_LIMIT, "--out", "{}/out", "--weights", "{}/w.safetensors")
    begin = [("sites", "digits"), ("report", "{}/audit"), study, ("sites",), ("nothing",)]
    words = list(begin[int(rng.integers(len(begin)))])
    for _ in range(int(rng.integers(1, 4))):
        words.append(_FLAGS[int(rng.integers(len(_FLAGS)))])
        if rng.random() < 0.9:
            words.append(_VALUES[int(rng.integers(len(_VALUES)))])
    return tuple(words)


def tried(of: Input | None, rng: np.random.Generator, good_place: Path) -> tuple[str, str]:
    """Try one mutant in a copy of the good inputs: what was done, and what came of it."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "in"
        shutil.copytree(good_place, place)
        mutant = Mutant("command line", None, False)
        words = _command(rng) if of is None else of.words
        if of is not None:
            file = place / of.file
            mutant = damaged(file.read_bytes(), rng, of=of)
            file.unlink()
            if mutant.content is None:
                os.mkfifo(file)
            else:
                file.write_bytes(mutant.content)
            if of.rows:
                _seal(place / "audit", file)
        os.chdir(place)
        found = outcome([word.replace("{}", str(place)) for word in words], Path(name) / "told")
        os.chdir("/")
        silent = found == "ran" and mutant.noticed
        return (mutant.kind if of else " ".join(words)[:80]), "silent" if silent else found


def tries(count: int, place: Path) -> Iterator[Try]:
    """Damage an input of each kind in turn."""
    sys.path.insert(0, ".")  # a user's module lies in the folder that is worked in
    inputs: list[Input | None] = [*good(place), None]
    for i in range(count):
        of = inputs[i % len(inputs)]
        kind = of.name if of else "command line"
        done, found = tried(of, np.random.default_rng([0, i]), place)
        yield Try(f"{i}: {kind} {of.file if of else ''}, {done}", "" if found in _HELD else found)
