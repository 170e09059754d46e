"""Patches sites and units between images of two classes, and measures what share comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from holistic.graph.loops import batches, single_edits
from holistic.graph.sites import Site
from holistic.lenses.tracing import schemas
from holistic.lenses.tracing._pairs import Runs, draw_runs, rival_classes
from holistic.lenses.tracing._recovery import Recovery, recovery
from holistic.lenses.tracing.patching_statements import caveats, statements, unvarying
from holistic.lenses.tracing.schemas import Patched
from holistic.pieces import every, kept
from holistic.progress import Progress, silent
from holistic.replacing.budget import afforded, replay_work
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.tests import benjamini_hochberg
from holistic.study.examples import Examples
from holistic.study.subject import Subject

if TYPE_CHECKING:
    from holistic.lenses.tracing import Tracing

__all__ = ["affordable_pairs", "moved_by_site", "moved_by_units", "patch_sites"]

_BATCH = 256
_WAYS = ("denoise", "noise")
_BUDGET = 1.2e12
"""Multiplications for all replays of single units."""


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
        Called with how many sites are done.

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
    hidden = [site for site in sites if site.hidden]
    whole, units = (
        every(moved, ((subject, site, runs, source) for site in of for source in runs.sources))
        for moved, of in ((moved_by_site, sites), (moved_by_units, hidden))
    )
    for done, site in enumerate(sites, 1):
        tables.append(_rows(site, runs, groups, next(whole), next(whole)))
        if site.hidden:
            tables.append(_rows(site, runs, broad, next(units), next(units), units=True))
        progress("activation patching", done, len(sites))
    table = _table(tables)
    notes = caveats(subject, drawn, lens, rivals=len(rivals))
    notes += unvarying(table)
    return Finding(schemas.PATCHING, table, statements(table, drawn), notes)


def affordable_pairs(subject: Subject, wanted: int, rivals: int) -> int:
    """Return pairs per two classes: as many as wanted, fewer where replays are dear."""
    once = sum(site.units * replay_work(subject, site) for site in subject.hidden_sites)
    # Both ways, from the pair's other image and from the control's.
    return afforded(_BUDGET, 4 * rivals * once, least=min(2, wanted), most=wanted)


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


@kept
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


@kept
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
        The images, those of the evaluation split by default.
    """
    moved, images = np.zeros((site.units, len(runs))), (examples or subject.evaluation).images
    for part, value in _values(subject, site, images, source):
        some = runs.rows(part)
        stage = subject.stage(site.name, images[some.receiver], value)
        before = some.metric(stage.base)
        for places, rows, logits in single_edits(stage):
            at, units = rows.cpu().numpy(), places.cpu().numpy() // len(some)
            moved[units, part[at]] = some.rows(at).metric(logits) - before[at]
    return moved


def _values(
    subject: Subject, site: Site, images: Tensor, source: np.ndarray
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Places of runs, with what the site holds on their sources, `[B, P…, U]`."""
    for rows in batches(len(source), _BATCH):
        part = np.arange(rows.start, rows.stop)
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
            "images": _images(runs, chosen),
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


def _images(runs: Runs, chosen: np.ndarray) -> int:
    """Count the images of the side that has fewer."""
    return min(len(np.unique(side[chosen])) for side in (runs.source, runs.receiver))


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
