"""Makes the numbers and pictures of the story on the digit classifier: `docs/blog.md`.

Five trainings on MNIST are set beside the origin's results, and the first of them is audited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from holistic.reproducing.origin import WIDTHS, in_words, range_in_words
from holistic.reproducing.schemas import LineRow, PartRow, PictureRow, TrainingRow
from holistic.reproducing.verdicts import RULES, VERDICTS
from holistic.words import joined, percent, spelled

__all__ = ["PARTS", "numbers", "pictures", "run"]

_RANDOM = "beside random neurons"
PARTS = {
    "top_ten_most": ("top_ten", "zero, by effect, L1", _RANDOM),
    "top_ten_least": ("top_ten", "mean, by activation, L2", _RANDOM),
    "curves": ("edges", "", "first layer of mlp, curves"),
    "edges_cnn": ("edges", "", "first layer of cnn"),
    "selectivity": ("digits", "", "selectivity of mlp"),
    "loop_map": ("loop", "", "evidence of a map in it"),
    "need_0": ("cluster_0", "L2", "need for it"),
    "need_2": ("cluster_2", "L2", "need for it"),
    "need_6": ("cluster_6", "L2", "need for it"),
    "pairs_L1": ("pairs", "L1", "count"),
    "pairs_L2": ("pairs", "L2", "count"),
    "pairs_all": ("pairs", "all layers", "count"),
    "gain_first": ("abstraction", "", "a probe gains from input to L1"),
    "gain_second": ("abstraction", "", "a probe gains from L1 to L2"),
    "settled_input": ("abstraction", "", "answers settled at input"),
    "settled_L1": ("abstraction", "", "answers settled at L1"),
    "telling": ("directions", "L2", "AUROC"),
    "erasing": ("directions", "L2", "erasing"),
}
"""By the name in the story, the numbers behind a line that it tells of: line, way, aspect."""

_FIGURES = {
    "lines": ("origin", "reproduce.lines", ""),
    "ways": ("origin", "reproduce.parts", "7s lost without ten neurons"),
    "loop": ("origin", "reproduce.pictures", "the loop"),
    "bar": ("origin", "reproduce.pictures", "the bar"),
    "maps": ("whole", "attribution.methods", "One rightly classified image"),
    "clusters": ("whole", "mechanism.clusters", "L2"),
    "flow": ("whole", "mechanism.flow", ""),
    "strips": ("whole", "tracing.directions", "Film strips"),
    "units": ("whole", "agreement.units", ""),
    "examples": ("whole", "activation.examples", "L2"),
}
"""By picture: the audit, the finding, and words in the caption of the figure that is meant."""
_PLOTS = {"without": ("ablation.topk", {"value": "class_drop", "site": "L2", "class_": "7"})}
"""By picture: the finding of the audit, and what it plots."""
_MAP, _LAYER, _MANY = "integrated_gradients", "L2", 30
_LOOKS = ("randomisation", "edge_similarity")
_RANKINGS = ("effect", "class_activation")


def run(command: Callable[..., None], runs: Path) -> tuple[Path, Path]:
    """Train and measure, then audit the first training; what is there already is kept.

    Parameters
    ----------
    command
        Runs `holistic` with these words.
    runs
        Folder of the audits behind the site's figures.
    """
    origin, whole = runs / "origin", runs / "mnist"
    command("reproduce", "--out", str(origin))
    weights = origin / "models/mlp-seed0.safetensors"
    command("run", "mnist", "--weights", str(weights), "--out", str(whole))
    return origin, whole


def numbers(origin: Any, whole: Any) -> dict[str, Any]:
    """Return the numbers of the story as they stand in sentences.

    Parameters
    ----------
    origin, whole
        The reproduction, and the audit of its first training.
    """
    rows = list(origin["reproduce.lines"].rows(LineRow))
    verdicts = [row.verdict for row in rows]
    looked = {one.line: one for one in origin["reproduce.pictures"].rows(PictureRow)}
    found = {
        "trainings": spelled(rows[0].trainings),
        "needed": RULES[0].rpartition("at least ")[2].rstrip("."),
        "near": joined([f"“{row.title}”" for row in rows if row.near]),
        "widths": WIDTHS,
        **dict(zip(("pixels", "first", "second"), WIDTHS.split("-"), strict=False)),
        "evaluation": f"{_part(origin, 'baseline', '', 'accuracy')['raw']['n']:,}",
        "lines": spelled(len(rows)),
        "verdicts": {name.replace(" ", "_"): _none(verdicts.count(name)) for name in VERDICTS},
        "images": {
            line: {"found": f"{one.found:,}", "share": percent(one.found / one.looked, decimals=0)}
            for line, one in looked.items()
        },
        **{row.line: _line(row, origin) for row in rows},
        **{name: _part(origin, *key) for name, key in PARTS.items()},
    }
    return found | {"loops": _loops(origin), "whole": _audited(whole)}


def _line(row: LineRow, origin: Any) -> dict[str, Any]:
    """One result of the origin, ours, and what decides between them."""
    about = {
        "origin": row.origin,
        "claim": row.claim,
        "title": row.title,
        "verdict": row.verdict,
        "way": row.way,
        "measured": row.measured,
        "near": row.near or "",
        "ways": spelled(row.ways),
    }
    return about | _part(origin, row.line, row.way, row.measured)


def _part(origin: Any, line: str, way: str, aspect: str) -> dict[str, Any]:
    """One number over the trainings, with its interval, its control and each training's value."""
    asked = {"line": line, "way": way, "aspect": aspect}
    (row,) = origin["reproduce.parts"].where(**asked).rows(PartRow)
    unit, value = row.unit, row.value
    trainings = origin["reproduce.trainings"].where(**asked).rows(TrainingRow)
    each = [one.value.value for one in trainings]
    known = [one for one in each if one is not None]
    return {
        "ours": in_words(value.value, unit),
        "interval": range_in_words(value.lo, value.hi, unit),
        "next": range_in_words(row.next_lo, row.next_hi, unit),
        "control": in_words(value.control, unit),
        "control_range": range_in_words(value.control_lo, value.control_hi, unit),
        "beaten": _none(row.beaten),
        "least": in_words(min(known, default=None), unit),
        "most": in_words(max(known, default=None), unit),
        "each": joined([in_words(one, unit, digits=0).split()[0] for one in known]),
        "raw": {
            "unit": unit,
            "value": value.value,
            "lo": value.lo,
            "hi": value.hi,
            "control": value.control,
            "control_hi": value.control_hi,
            "beaten": row.beaten,
            "n": row.examples,
            "each": each,
        },
    }


def _loops(origin: Any) -> dict[str, Any]:
    """What erasing the loop costs in each training, and whether maps would have foretold it."""
    rows = list(origin["reproduce.trainings"].where(line="loop").rows(TrainingRow))
    erased = [row for row in rows if row.aspect != PARTS["loop_map"][2]]
    mapped = [row for row in rows if row.aspect == PARTS["loop_map"][2]]
    both = list(zip(erased, mapped, strict=True))
    return {
        "each": [
            {
                "lost": in_words(lost.value.value, lost.unit),
                "other": in_words(lost.value.control, lost.unit),
                "needed": "yes" if lost.beats else "no",
                "map": in_words(said.value.value, said.unit, digits=0),
                "map_other": in_words(said.value.control, said.unit, digits=0),
                "says": "yes" if said.beats else "no",
            }
            for lost, said in both
        ],
        "wrong": _none(sum(lost.beats != said.beats for lost, said in both)),
    }


def _none(count: int) -> str:
    return spelled(count) if count else "none"


def _audited(whole: Any) -> dict[str, Any]:
    """What the audit of the first training says: a sentence a finding, and single numbers."""
    right, units = whole.provenance["accuracy"], whole["agreement.units"].column("plays").tolist()
    group = next(whole["mechanism.clusters"].where(site=_LAYER).rows())
    maps = whole["attribution.methods"].where(method=_MAP)
    return {
        "accuracy": percent(right["value"]),
        "evaluation": f"{right['n']:,}",
        "clusters": {key: str(int(group[key])) for key in ("k", "k_lo", "k_hi")},
        "plays": {
            name.replace(" ", "_").replace("'", ""): str(units.count(name)) for name in units
        },
        "units": str(len(units)),
        "without": {ranking: _without(whole, ranking) for ranking in _RANKINGS},
        "map": {
            metric: {"value": f"{row['value']:.2f}", "control": f"{row['control']:.2f}"}
            for metric in (*_LOOKS, "randomisation_nonzero")
            for row in maps.where(metric=metric).rows()
        },
        "methods": _methods(whole),
        "misled": _misled(whole),
    }


def _without(whole: Any, ranking: str) -> dict[str, Any]:
    """What the 7 loses without the units of the last layer that a ranking puts first."""
    (row,) = whole["ablation.topk"].where(site=_LAYER, class_="7", ranking=ranking, k=_MANY).rows()
    ends = range_in_words(row["class_lo"], row["class_hi"], "points")
    return {
        "k": spelled(row["k"]),
        "lost": in_words(row["class_drop"], "points"),
        "interval": ends,
        "random": in_words(row["class_control_drop"], "points"),
        "firing": spelled(row["firing"]),
        "raw": {
            "lost": row["class_drop"],
            "random": row["class_control_hi"],
            "firing": row["firing"] / row["k"],
        },
    }


def _methods(whole: Any) -> dict[str, str]:
    """How many methods fail a test, and how likely the best one's maps point at what decides."""
    rows = list(whole["attribution.methods"].where(passed=False).rows())
    tested = whole["attribution.trust"].column("method").tolist()
    (best,) = whole["attribution.trust"].where(recommended=True).rows()
    failed = {
        row["method"] for row in rows if row["metric"] in ("randomisation", "edge_similarity")
    }
    return {
        "tested": spelled(len(tested)),
        "failed": spelled(len(failed & set(tested))),
        "best": best["method"].replace("_", " "),
        "probability": percent(best["probability"], decimals=0),
        "interval": range_in_words(best["lo"], best["hi"], "share"),
    }


def _misled(whole: Any) -> dict[str, Any]:
    """Units that answer to a class which doesn't need them, and the other way round."""
    rows = whole.for_readers()["agreement.misled"].where(lens="activation")
    found = dict[str, Any]()
    for kind in ("promises", "misses"):
        own = list(rows.where(kind=kind).rows())
        fires = [row for row in own if (row["says"] > 0.5) == (kind == "promises")]
        row = fires[0]
        found[kind] = {
            "unit": f"{row['site'].split()[0]}·{row['unit']}",
            "class": row["class"],
            "auroc": f"{row['says']:.2f}",
            "loss": f"{row['loss']:.2f}",
            "rank": str(row["lens_rank"]),
            "loss_rank": str(row["loss_rank"]),
            "of": str(row["units"]),
            "cases": str(len(own)),
            "raw": {"loss": row["loss"]},
        }
    return found


def pictures(origin: Any, whole: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield each picture of the story: its name, its figure, and the caption that goes with it."""
    for name, (audit, finding, words) in _FIGURES.items():
        found = (origin if audit == "origin" else whole).figure(finding)
        place = next(i for i, caption in enumerate(found.captions) if words in caption)
        yield name, found.figures[place], found.captions[place]
    for name, (finding, asked) in _PLOTS.items():
        one = whole.finding(finding)
        yield name, one.plot(**asked).figure, one.brief
