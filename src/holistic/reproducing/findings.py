"""Puts what was measured in all trainings into tables, with a verdict for each line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from holistic.reproducing import schemas
from holistic.reproducing.measured import Measured
from holistic.reproducing.origin import LINES, Line, in_words, range_in_words
from holistic.reproducing.regions import PARTS, erasures
from holistic.reproducing.removals import of_class
from holistic.reproducing.schemas import LineRow, PartRow, PictureRow, TrainingRow
from holistic.reproducing.verdicts import RULES, Judged, Over, judged, over
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.study.subject import Subject
from holistic.words import counted, sentence

__all__ = ["LIMITS", "found", "pictures"]

LIMITS = (
    "Edges are gratings, bars and edges of all orientations, curves are arcs that bulge to all "
    "sides: what prefers lines alone prefers no side.",
    "Whether a group is needed is tried with its neurons at their mean over the selection split.",
)
_SHOWN = 8
"""Images of each line."""


def found(by_seed: Mapping[int, Sequence[Measured]], command: str) -> list[Finding]:
    """Build `reproduce.lines`, `.parts` and `.trainings`.

    Parameters
    ----------
    by_seed
        What was measured in each training.
    command
        Shows more of the first training, with `{lens}` for the name of a lens.
    """
    parts = _parts(by_seed)
    verdicts = {
        line: judged(line, own)
        for line in LINES
        if (own := [part for part in parts if part.line == line.key])
    }
    examples = {(m.line, m.way, m.aspect): m.n for own in by_seed.values() for m in own}
    ways = {line: len({part.way for part in parts if part.line == line.key}) for line in verdicts}
    return [
        Finding(
            schemas.LINES,
            Table.from_rows(
                LineRow,
                [_line(line, one, ways[line], command) for line, one in verdicts.items()],
            ),
            tuple(_statement(line, one) for line, one in verdicts.items()),
            (*RULES, *LIMITS),
        ),
        Finding(
            schemas.PARTS,
            Table.from_rows(
                PartRow, [_part(part, examples[part.line, part.way, part.aspect]) for part in parts]
            ),
        ),
        Finding(
            schemas.TRAININGS,
            Table.from_rows(
                TrainingRow, [_training(m, seed) for seed, own in by_seed.items() for m in own]
            ),
        ),
    ]


def _parts(by_seed: Mapping[int, Sequence[Measured]]) -> list[Over]:
    groups = dict[tuple[str, str, str], list[Measured]]()
    for own in by_seed.values():
        for one in own:
            groups.setdefault((one.line, one.way, one.aspect), []).append(one)
    return [over(group) for group in groups.values()]


def _line(line: Line, verdict: Judged, ways: int, command: str) -> LineRow:
    shown = verdict.shown
    return LineRow(
        line=line.key,
        lens=line.lens,
        title=line.title,
        claim=line.claim,
        origin=line.origin,
        unit=shown.unit,
        verdict=verdict.verdict,
        why=verdict.why,
        near=verdict.near or None,
        way=shown.way,
        ways=ways,
        measured=shown.aspect,
        ours=_estimate(shown),
        next_lo=_known(shown.next_lo),
        next_hi=_known(shown.next_hi),
        beaten=shown.beats,
        trainings=shown.n,
        command=command.format(lens=line.lens),
    )


def _estimate(part: Over) -> Estimate:
    ends = (part.lo, part.hi, part.control, part.control_lo, part.control_hi)
    lo, hi, *control = map(_known, ends)
    return Estimate(_known(part.mean), lo, hi, None, *control)


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _part(part: Over, examples: int) -> PartRow:
    return PartRow(
        part.line, part.way, part.aspect, part.role, part.unit, _estimate(part),
        _known(part.next_lo), _known(part.next_hi), part.beats, part.n, examples,
    )  # fmt: skip


def _training(one: Measured, seed: int) -> TrainingRow:
    control = map(_known, (one.control, one.control_lo, one.control_hi))
    value = Estimate(_known(one.value), None, None, one.n, *control)
    name = one.line, one.way, one.aspect
    return TrainingRow(*name, seed, one.unit, value, _known(one.error), one.beats)


def _statement(line: Line, verdict: Judged) -> str:
    shown = verdict.shown
    ends = range_in_words(shown.lo, shown.hi, shown.unit)
    ours = in_words(shown.mean, shown.unit) + (f" (95 % interval {ends})" if ends else "")
    return (
        f"{sentence(line.claim)}: {verdict.verdict}; {shown.aspect} {ours} over "
        f"{counted(shown.n, 'training')}, control {in_words(shown.control, shown.unit)} "
        f"({verdict.why})." + (f" Near its rule's bound: {verdict.near}." if verdict.near else "")
    )


def pictures(subject: Subject) -> Finding:
    """Build `reproduce.pictures`: the first images of each line whose part is erased."""
    rows, images = list[PictureRow](), list[np.ndarray]()
    for name, (digit, _) in PARTS.items():
        own = of_class(subject.evaluation, subject.classes.index(digit))
        drawn = own.images[:, 0].cpu().numpy()
        erased = erasures(drawn, name, subject.seed)
        for i, place in enumerate(erased.places[:_SHOWN]):
            ink, part, other = drawn[place], erased.part[i], erased.others[0, i]
            shares = ink[part].sum() / ink.sum(), ink[part & other].sum() / ink[other].sum()
            rows.append(
                PictureRow(
                    name, int(own.indices[place]), float(shares[0]), float(shares[1]),
                    len(erased.places), len(own),
                )
            )  # fmt: skip
            images.append(np.stack([ink, ink * ~part, ink * ~other]))
    shape = (0, 3, *subject.evaluation.images.shape[2:])
    values = np.stack(images) if images else np.zeros(shape)
    scaled = np.clip(np.rint(255 * values), 0, 255).astype(np.uint8)
    table = Table.from_rows(PictureRow, rows)
    return Finding(schemas.PICTURES, table, arrays={"reproduce.erased": scaled})
