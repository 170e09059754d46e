"""Which sites and units carry the decision between two classes from image to image?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from holistic.graph.sites import Site
from holistic.lenses.tracing import schemas
from holistic.lenses.tracing._pairs import Runs, draw_runs, rival_classes
from holistic.lenses.tracing._recovery import Recovery, recovery
from holistic.lenses.tracing._work import affordable, replay_work
from holistic.lenses.tracing.schemas import Patched
from holistic.progress import Progress, silent
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.tests import benjamini_hochberg
from holistic.study.examples import Examples
from holistic.study.subject import Subject
from holistic.words import percent

if TYPE_CHECKING:
    from holistic.lenses.tracing import Tracing

__all__ = ["affordable_pairs", "moved_by_site", "moved_by_units", "patch_sites"]

_BATCH = 256
_WAYS = ("denoise", "noise")
_BUDGET = 1.2e12
"""Multiplications for all replays of single units."""
_COMPLETE = 1e-3
"""How near to 1 a recovery counts as that of a complete cut (float32 replays round)."""


@dataclass(frozen=True)
class _Group:
    """The runs that one row of the table is about, and how many of them were excluded."""

    clean: str
    corrupt: str
    direction: str
    runs: np.ndarray
    excluded: int


def patch_sites(subject: Subject, lens: Tracing, progress: Progress = silent) -> Finding:
    """Patch whole sites and single units between images of two classes.

    Parameters
    ----------
    subject
        The model under study.
    lens
        The settings: `pairs`, `rivals`, `guard`.
    progress
        Told how many sites are done.

    Returns
    -------
    Finding
        `tracing.patching`: whole sites for every two classes; single units for every class
        against the rest.

    References
    ----------
    Heimersheim & Nanda 2024 (denoising and noising); Zhang & Nanda 2024 (image pairs rather than
    noise, a logit difference as metric).
    """
    rivals = rival_classes(subject, lens.rivals)
    pairs = affordable_pairs(subject, lens.pairs, len(rivals))
    drawn = draw_runs(subject, rivals, pairs=pairs, guard=lens.guard)
    runs = drawn.rows(drawn.kept)
    groups = list(_groups(drawn, subject.classes))
    broad = [g for g in groups if g.corrupt == "all"]
    sites = [s for s in subject.all_sites if s.hidden or s.block]
    tables = list[dict[str, list[Any]]]()
    for done, site in enumerate(sites, 1):
        moved = (moved_by_site(subject, site, runs, source) for source in runs.sources)
        tables.append(_rows(site, runs, groups, *moved))
        if site.hidden:
            moved = (moved_by_units(subject, site, runs, source) for source in runs.sources)
            tables.append(_rows(site, runs, broad, *moved, units=True))
        progress("activation patching", done, len(sites))
    table = _table(tables)
    notes = _caveats(subject, drawn, rivals, lens)
    return Finding(schemas.PATCHING, table, _statements(table, drawn), notes)


def affordable_pairs(subject: Subject, wanted: int, rivals: int) -> int:
    """Return pairs per two classes: as many as wanted, fewer where replays are dear."""
    once = sum(site.units * replay_work(subject, site) for site in subject.hidden_sites)
    # Both ways, from the pair's other image and from the control's.
    return affordable(_BUDGET, 4 * rivals * once, least=min(2, wanted), most=wanted)


def _groups(drawn: Runs, classes: Sequence[str]) -> Iterator[_Group]:
    """Every two classes, every class against all, and all; both ways each."""
    place = np.cumsum(drawn.kept) - 1
    pairs = {
        (int(a), int(b)) for a, b in zip(drawn.source_class, drawn.receiver_class, strict=True)
    }
    clean_classes = sorted({a for a, _ in pairs})
    wanted = [*sorted(pairs), *((a, None) for a in clean_classes), (None, None)]
    for way in _WAYS:
        ends = (drawn.source_class, drawn.receiver_class)
        own, other = ends if way == "denoise" else ends[::-1]
        for clean, corrupt in wanted:
            inside = np.ones(len(drawn), bool)
            inside &= True if clean is None else own == clean
            inside &= True if corrupt is None else other == corrupt
            clean_name, corrupt_name = (
                "all" if c is None else classes[c] for c in (clean, corrupt)
            )
            chosen = place[inside & drawn.kept]
            left_out = int((inside & ~drawn.kept).sum())
            yield _Group(clean_name, corrupt_name, way, chosen, left_out)


def moved_by_site(subject: Subject, site: Site, runs: Runs, source: np.ndarray) -> np.ndarray:
    """Measure what patching the whole site moves the metric by, `[1, R]`, in logits.

    Parameters
    ----------
    subject, site
        The model under study and one of its sites.
    runs
        The patched runs.
    source
        `[R]`, places in the evaluation split that the values are taken from.
    """
    images, moved = subject.evaluation.images, np.zeros((1, len(runs)))
    for part, value in _values(subject, site, images, source):
        some = runs.rows(part)
        with torch.no_grad():
            receiving = images[some.receiver]
            before = some.metric(subject.predict(receiving))
            logits = subject.logits_from(receiving, {site.name: value})
        moved[0, part] = some.metric(logits) - before
    return moved


def moved_by_units(
    subject: Subject,
    site: Site,
    runs: Runs,
    source: np.ndarray,
    examples: Examples | None = None,
) -> np.ndarray:
    """Measure what patching each unit alone moves the metric by, `[U, R]`, in logits.

    Parameters
    ----------
    subject, site
        The model under study and one of its sites.
    runs
        The patched runs.
    source
        `[R]`, places among the images that the values are taken from.
    examples
        The images, those of the evaluation split unless said.
    """
    moved, images = np.zeros((site.units, len(runs))), (examples or subject.evaluation).images
    for part, value in _values(subject, site, images, source):
        some = runs.rows(part)
        stage = subject.stage(site.name, images[some.receiver], value)
        before = some.metric(stage.base)
        units, rows = stage.changed.T.nonzero(as_tuple=True)
        for u, r in zip(units.split(stage.chunk), rows.split(stage.chunk), strict=True):
            logits = stage.units(u, r)
            at = r.cpu().numpy()
            after = some.rows(at).metric(logits)
            moved[u.cpu().numpy(), part[at]] = after - before[at]
    return moved


def _values(
    subject: Subject, site: Site, images: Tensor, source: np.ndarray
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Places of runs, with what the site holds on their sources, `[B, P…, U]`."""
    for start in range(0, len(source), _BATCH):
        part = np.arange(start, min(start + _BATCH, len(source)))
        yield part, subject.capture([site.name], images[source[part]])[site.name]


def _rows(
    site: Site,
    runs: Runs,
    groups: list[_Group],
    moved: np.ndarray,
    control: np.ndarray,
    *,
    units: bool = False,
) -> dict[str, list[Any]]:
    """Columns of one site's rows, groups one after another, the units of each side by side."""
    count, columns = len(moved), dict[str, list[Any]]()
    controlled = runs.control >= 0
    for group in groups:
        chosen = group.runs
        found = _recovery(moved, runs, chosen)
        null = _recovery(control, runs, chosen[controlled[chosen]])
        same = {
            "site": site.name,
            "position": None,
            "clean": group.clean,
            "corrupt": group.corrupt,
            "direction": group.direction,
            "n": len(chosen),
            "excluded": group.excluded,
        }
        own = {
            "unit": range(count) if units else [None],
            "recovery": found.value,
            "lo": found.lo,
            "hi": found.hi,
            "control_recovery": null.value,
            "control_lo": null.lo,
            "control_hi": null.hi,
            "p": found.p,
        }
        for name, value in {**{n: [v] * count for n, v in same.items()}, **own}.items():
            columns.setdefault(name, []).extend(value)
    return columns


def _recovery(moved: np.ndarray, runs: Runs, chosen: np.ndarray) -> Recovery:
    return recovery(
        moved[:, chosen],
        runs.gap[chosen],
        source=runs.source[chosen],
        receiver=runs.receiver[chosen],
    )


def _table(parts: list[dict[str, list[Any]]]) -> Table:
    columns = {name: [v for part in parts for v in part[name]] for name in parts[0]}
    whole = np.array([unit is None for unit in columns["unit"]])
    p = np.array(columns["p"], np.float64)
    q = np.full_like(p, np.nan)
    for family in (whole, ~whole):
        q[family] = benjamini_hochberg(p[family])
    return Table.build(Patched, {**columns, "q": q})


def _statements(table: Table, drawn: Runs) -> tuple[str, ...]:
    if not drawn.kept.any():
        return ("No pair of images could be used: see the counts of excluded pairs.",)
    # what holds by construction comes after what was found
    return (*_said_of_units(table), *_said_of_sites(table))


def _said_of_sites(table: Table) -> Iterator[str]:
    rows = [
        row
        for row in table.where(clean="all", corrupt="all", direction="denoise").rows()
        if row["unit"] is None
    ]
    complete = [row["site"] for row in rows if abs(row["recovery"] - 1) < _COMPLETE]
    partial = [row for row in rows if row["site"] not in complete]
    if complete:
        yield (
            f"All that the decision reads passes through {quoted(complete)}: patching the whole "
            "site brings back 100 % of the gap by construction, a check rather than a result."
        )
    if partial:
        best = max(partial, key=lambda row: row["recovery"])
        yield (
            f"Of the other {len(partial)} whole sites '{best['site']}' alone brings back most of "
            f"the gap between two classes: {_share(best)} (n = {best['n']} runs); the same patch "
            f"from another image of the run's own class: {_share(best, 'control_')}."
        )


def _said_of_units(table: Table) -> Iterator[str]:
    rows = [r for r in table.where(corrupt="all").rows() if r["unit"] is not None]
    rows = [r for r in rows if r["clean"] != "all" and r["lo"] is not None]
    for way, says in (
        ("denoise", "move the decision towards"),
        ("noise", "move the decision away from"),
    ):
        tested = [r for r in rows if r["direction"] == way]
        found = [r for r in tested if r["q"] < 0.05 and r["recovery"] > 0]
        if not tested:
            return
        if not found:
            yield f"No units {says} any class on their own ({way}, {len(tested)} tests, q < 0.05)."
            continue
        best = max(found, key=lambda r: r["recovery"])
        units = {(r["site"], r["unit"]) for r in tested}
        yield (
            f"{len({(r['site'], r['unit']) for r in found})} of {len(units)} units {says} some "
            f"class on their own at q < 0.05 ({way}); the most that "
            f"one moves, of {len(tested):,} tests, is {_share(best)} of the gap (unit "
            f"{best['unit']} of "
            f"'{best['site']}', class {best['clean']}, n = {best['n']} pairs; the same patch "
            "within the class: "
            f"{_share(best, 'control_')})."
        )


def _share(row: dict[str, Any], prefix: str = "") -> str:
    """Write a recovery with its interval in per cent."""
    names = (f"{prefix}recovery", f"{prefix}lo", f"{prefix}hi")
    value, lo, hi = (row[name] for name in names)
    return "none measured" if value is None else percent(value, lo, hi)


def quoted(names: list[str], limit: int = 6) -> str:
    """Write site names in quotes, shortened after `limit` of them.

    >>> quoted(["2", "4"])
    "'2', '4'"
    """
    shown = ", ".join(f"'{name}'" for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")


def _caveats(
    subject: Subject, drawn: Runs, rivals: list[tuple[int, int]], lens: Tracing
) -> tuple[str, ...]:
    total, classes = len(drawn) // 2, len(subject.classes)
    notes = [
        f"{int((~drawn.kept).sum()) // 2} of {total} pairs were excluded (an image classified "
        "wrongly, or a gap near zero); recoveries hold for the pairs that were kept.",
        "Recovery is a ratio of sums over pairs; its interval allows for images that stand in "
        "several pairs, and leaves training variance out.",
        "Noising class a by b and denoising b by a are the same runs, told from the other side.",
    ]
    if len(rivals) < classes * (classes - 1) // 2:
        notes.append(f"Only the {len(rivals)} most confused pairs of classes were patched.")
    if total < len(rivals) * lens.pairs:
        notes.append(
            f"{total // len(rivals)} instead of {lens.pairs} pairs were drawn per two classes, "
            "because replays of this model are dear."
        )
    if subject.backend_note:
        notes.append(subject.backend_note)
    return tuple(notes)
