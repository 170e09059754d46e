"""Makes the pictures and numbers that the site quotes: `make figures`.

Numbers go to `docs/figures/*.json` as they stand in sentences, pictures to `docs/images/`. Pages
take both from there, so a number that changes changes everywhere, or a test says where it doesn't.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

__all__ = ["AUDITS", "FIGURES", "GALLERY", "IMAGES", "STORY", "main", "read", "substitutions"]

ROOT = Path(__file__).parents[2]
FIGURES, IMAGES = ROOT / "docs/figures", ROOT / "docs/images"
GALLERY, STORY = IMAGES / "gallery", IMAGES / "blog"
_RUNS = ROOT / "runs/figures"
_DOTS = 110
"""Dots per inch of a picture of the gallery."""
_COLOURS = 64


def _digits(out: Path) -> None:
    _holistic("run", "digits", "--out", str(out))


def _quick(model: str, out: Path) -> None:
    words = ("--model", model, "--lens", "activation", "--quick")
    _holistic("run", "digits", *words, "--out", str(out))


def _cnn(out: Path) -> None:
    _quick("cnn", out)


def _vit(out: Path) -> None:
    _quick("vit", out)


def _table(out: Path) -> None:
    _example("table_mlp", out)


def _texts(out: Path) -> None:
    _example("texts_tokens", out)


AUDITS: dict[str, tuple[Callable[[Path], None], str]] = {
    "digits": (_digits, "the reference MLP on digits"),
    "cnn": (_cnn, "the reference CNN on digits"),
    "vit": (_vit, "the reference vision transformer on digits"),
    "table": (_table, "the table of `examples/table_mlp.py`"),
    "texts": (_texts, "the texts of `examples/texts_tokens.py`"),
}
"""How each audit behind the pictures is made, and what it is of; earlier ones go first."""
_ASKED = {
    "ablation.topk": {"value": "class_drop", "site": "L2", "class_": "4"},
    "ablation.curves": {"site": "L2", "class_": "4"},
    "activation.depth": {"measure": "auroc"},
    "tracing.directions": {"value": "erase_drop"},
    "tracing.patching": {"clean": "4", "corrupt": "all", "direction": "denoise"},
}
"""By finding, what its picture in the gallery shows, where that isn't left to the finding."""


def read(name: str) -> dict[str, Any]:
    """Read `docs/figures/<name>.json`."""
    return json.loads((FIGURES / f"{name}.json").read_text("utf-8"))


def substitutions() -> dict[str, Any]:
    """By file, the numbers that pages quote: `{{ digits.accuracy }}`."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in FIGURES.glob("*.json")}


def main() -> int:
    """Run the audits that aren't there yet, and write all pictures and numbers from them."""
    import holistic

    found: dict[str, dict[str, str]] = {}
    GALLERY.mkdir(parents=True, exist_ok=True)
    for name, (make, of) in AUDITS.items():
        make(_RUNS / name)  # goes on where it was cut off, and is quick where nothing is left
        for key, one in _drawn(holistic.load(_RUNS / name), of, ("sites", *found)):
            found[key] = one | {"audit": name}
    for stray in set(GALLERY.glob("*.png")) - {GALLERY / f"{key}.png" for key in found}:
        stray.unlink()
    _write("gallery", found)
    digits = holistic.load(_RUNS / "digits")
    _write("digits", _numbers(digits))
    (FIGURES / "terminal.txt").write_text(_printed(digits), encoding="utf-8")
    _story()
    return _opening(_RUNS / "digits/report.html")


def _story() -> None:
    """Train, measure and draw what the story of the digit classifier tells: `docs/blog.md`."""
    from docs._make import blog

    import holistic

    origin, whole = (holistic.load(path) for path in blog.run(_holistic, _RUNS))
    STORY.mkdir(parents=True, exist_ok=True)
    known = dict[str, dict[str, str]]()
    for name, figure, says in blog.pictures(origin, whole):
        _save(figure, STORY / f"{name}.png")
        digest = sha256((STORY / f"{name}.png").read_bytes()).hexdigest()
        known[name] = {"says": says, "sha256": digest}
    for stray in set(STORY.glob("*.png")) - {STORY / f"{name}.png" for name in known}:
        stray.unlink()
    _write("blog", blog.numbers(origin, whole) | {"pictures": known})


def _drawn(audit: Any, of: str, without: Collection[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Draw an audit's findings, and note what each says in a sentence."""
    from holistic.report.drawn import drawn_names

    for key in drawn_names(audit):
        finding = audit.finding(key)
        if key in without or finding.schema.apart:
            continue
        asked = _ASKED.get(key, {})
        _save(finding.plot(**asked).figure, GALLERY / f"{key}.png")
        words = ", ".join(f'{name}="{value}"' for name, value in asked.items())
        about = {
            "title": finding.schema.title,
            "says": finding.brief,
            "of": of,
            "plot": f"plot({words})",
        }
        yield key, about


def _save(figure: Any, path: Path) -> None:
    """Write a figure in few colours, so that the repository stays small."""
    from matplotlib import pyplot
    from PIL import Image

    about = {"Software": None}
    figure.savefig(path, dpi=_DOTS, facecolor="white", bbox_inches="tight", metadata=about)
    pyplot.close(figure)
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(_COLOURS)
    few.save(path, optimize=True)


def _numbers(audit: Any) -> dict[str, Any]:
    """The numbers of the digits' audit that pages quote, as they stand in sentences."""
    topk = audit.for_readers()["ablation.topk"].where(ranking="effect", k=10)
    first = max(topk.where(rank=1).rows(), key=lambda row: row["class_drop"])
    right = audit.provenance["accuracy"]
    says = {name: audit.finding(name).brief for name in audit.names}
    return {
        "accuracy": _percent(right["value"]),
        "evaluation": str(right["n"]),
        "units": str(len(audit["agreement.units"])),
        "class": first["class"],
        "layer": first["site"].split()[0],
        "before": _percent(first["class_accuracy_before"]),
        "after": _percent(first["class_accuracy_after"]),
        "after_lo": _percent(first["class_accuracy_before"] - first["class_hi"]),
        "after_hi": _percent(first["class_accuracy_before"] - first["class_lo"]),
        "random_points": f"{100 * first['class_control_drop']:.1f}",
        "says": {name.replace(".", "_"): brief for name, brief in says.items() if brief},
    }


def _printed(audit: Any) -> str:
    """What a run prints at its end, in a terminal of 80 columns."""
    from rich.console import Console

    from holistic.report.terminal import summary

    console = Console(width=80, highlight=False, file=io.StringIO())
    console.print(summary(audit))
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _write(name: str, what: dict[str, Any]) -> None:
    FIGURES.mkdir(parents=True, exist_ok=True)
    text = json.dumps(what, indent=1, ensure_ascii=False, sort_keys=True)
    (FIGURES / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _opening(report: Path) -> int:
    """Take a picture of a report's first screen, where there is a Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no chromium: docs/images/report.png stays as it is", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--no-first-run", "--disable-background-networking", "--disable-sync",
                "--disable-component-update", "--hide-scrollbars", "--virtual-time-budget=5000",
                f"--user-data-dir={profile}", "--window-size=1440,740",
                f"--screenshot={IMAGES / 'report.png'}", report.resolve().as_uri(),
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
    return 0


def _holistic(*words: str) -> None:
    from holistic.cli import main as command

    if code := command(words):
        raise SystemExit(code)


def _example(name: str, out: Path) -> None:
    """Run one of the examples, with the lens that speaks of its inputs."""
    if (out / "audit.json").exists():
        return
    sys.path.insert(0, str(ROOT / "examples"))
    import importlib

    example = importlib.import_module(name)
    with tempfile.TemporaryDirectory() as place:
        audit = example.main(Path(place), lenses=["attribution"])
        shutil.copytree(audit.path, out)


if __name__ == "__main__":
    sys.exit(main())
