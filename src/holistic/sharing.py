"""What several processes that share a run do of it: each takes what others have finished.

A shard begins with lenses of its own, and within a lens with pieces of its own. Nobody waits: a
shard that finds all that is left begun by others does the same, in another order, and takes each
piece that they finish. So shards may be late, missing or killed, and the run still ends.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from holistic.lenses._contract import Lens
from holistic.merging import begun
from holistic.packed import Unpackable, digest
from holistic.pieces import Call
from holistic.progress import Progress
from holistic.report.saved import Audit
from holistic.results.files import write_whole
from holistic.results.parts import Shard, fellows, shard_of
from holistic.shards import FOLDER, Shards, index

__all__ = [
    "PROGRESS", "Elsewhere", "Reporting", "costs_of", "expected_tasks", "finished_elsewhere",
    "next_lens", "store_for", "turns",
]  # fmt: skip

T = TypeVar("T")

PROGRESS = "progress.json"
"""File in a shard's folder that says how far each lens is."""
_OFTEN = 0.25
"""Seconds between two looks at what others have finished, and between two files at first."""
_SHARE, _FILES = 25, 400
"""How many times as long as writing a file the time between two is, and about how many there are
each time that the time of a lens doubles."""


class Elsewhere(BaseException):
    """Another shard has finished the lens meanwhile: no lens may take it for its own."""


@dataclass(eq=False)
class Shared(Shards):
    """Pieces of a lens that others who share the run compute, too.

    Attributes
    ----------
    others
        Their audits' folders.
    shard
        Which one this is; None for what goes on alone with what they have left.
    lens, run
        Whose pieces, and the key of the audit.
    """

    others: tuple[Path, ...] = ()
    shard: Shard | None = None
    lens: str = ""
    run: str = ""
    rhythm: float = _OFTEN
    _known_files: set[Path] = field(default_factory=set[Path], repr=False)
    _looked: float = field(default=0.0, repr=False)
    _began: float = field(default_factory=time.monotonic, repr=False)

    def load(self) -> None:
        """Find out what has been left here, and what others have finished."""
        super().load()
        if self.shard:  # whoever looks for a lens that nobody has begun sees this one's folder
            self.folder.mkdir(parents=True, exist_ok=True)
        self.look()

    def look(self) -> None:
        """Find out what others have finished meanwhile."""
        self._looked = time.monotonic()
        if self.shard and finished_elsewhere(self.others, self.run, [self.lens]):
            raise Elsewhere
        for other in self.others:
            for path in (other / FOLDER / self.lens).glob(f"{self.key[:16]}-*.pieces"):
                if path not in self._known_files:
                    self._known_files.add(path)
                    self._places = {**(index(path) or {}), **self._places}

    def write(self) -> None:
        """Write what waits; how often follows what it takes, and how long the lens has run."""
        start = time.monotonic()
        super().write()
        now = time.monotonic()
        self.rhythm = max(_OFTEN, _SHARE * (now - start), (now - self._began) / _FILES)

    def _known(self, name: str) -> tuple[Any] | None:
        found = super()._known(name)
        if found is None and self._places.pop(name, None):  # its file is gone: a larger one came
            self.look()
            found = super()._known(name)
        return found

    def each(self, calls: Iterable[Call[T]]) -> Iterator[T]:
        """Yield pieces in their order; this shard's own are computed first, then what is left."""
        if self.shard is None:
            yield from super().each(calls)
            return
        start, every, unkept = time.monotonic(), list(calls), dict[int, T]()
        names = [_name(key) for key, _ in every]
        for place in turns(len(every), self.shard):
            if time.monotonic() - self._looked > _OFTEN:
                self.look()
            name = names[place]
            if name is not None and not self.has(name):
                value = self.once(*every[place])
                if not self.has(name):
                    unkept[place] = value
        if time.monotonic() - start > self.rhythm / 4:  # else it costs others as little as a look
            self.write()
        for place, call in enumerate(every):
            yield unkept.pop(place) if place in unkept else self.once(*call)


def _name(key: tuple[Any, ...]) -> str | None:
    try:
        return digest(key)
    except Unpackable:
        return None


def turns(count: int, shard: Shard) -> list[int]:
    """Order in which a shard computes so many pieces: its own, then others', the last ones first.

    Who helps another so meets it once; of several, each begins elsewhere.

    Examples
    --------
    >>> turns(6, Shard(2, 1)), turns(6, Shard(2, 2))
    ([0, 2, 4, 5, 3, 1], [1, 3, 5, 4, 2, 0])
    """
    own = [place for place in range(count) if place % shard.count == shard.number - 1]
    others = sorted(set(range(count)).difference(own), reverse=True)
    helpers = max(1, shard.count - 1)
    start = len(others) * ((shard.number - 1) % helpers) // helpers
    return own + others[start:] + others[:start]


def store_for(run: Audit, lens: str) -> Any:
    """Return what makes the store of a lens's pieces."""
    others = fellows(run.path)
    if not others:
        return Shards
    return partial(
        Shared, others=others, shard=shard_of(run.path), lens=lens, run=run.provenance["key"]
    )


_READ: dict[Path, tuple[Any, frozenset[str]]] = {}
"""By an audit's record: its time and size, and the lenses that it lists."""


def finished_elsewhere(others: Iterable[Path], key: str, lenses: Iterable[str]) -> set[str]:
    """Say which of some lenses others have finished."""
    found = set[str]()
    for folder in others:
        path = folder / "audit.json"
        try:
            stat = path.stat()
        except OSError:
            continue
        state = stat.st_mtime_ns, stat.st_size, stat.st_ino, key
        if path not in _READ or _READ[path][0] != state:
            audit = begun(folder, key)
            _READ[path] = state, frozenset(audit.lenses if audit else ())
        found |= _READ[path][1]
    return found.intersection(lenses)


def next_lens(run: Audit, left: Sequence[Lens]) -> Lens:
    """Choose which lens is run next: in their order, or where others share the run a free one.

    Parameters
    ----------
    run
        The audit, with what is finished.
    left
        Lenses that nobody has finished.
    """
    shard = shard_of(run.path)
    if shard is None:
        return left[0]
    names = [lens.name for lens in left]
    ready = [lens for lens in left if not set(lens.needs).intersection(names)]
    costs = costs_of(run)
    own = _own(shard, costs)
    others = fellows(run.path)

    def rank(lens: Lens) -> tuple[bool, bool, float]:
        begun_elsewhere = any((other / FOLDER / lens.name).is_dir() for other in others)
        return begun_elsewhere, lens.name not in own, -costs.get(lens.name, 0.0)

    return min(ready, key=rank)


def costs_of(run: Audit) -> dict[str, float]:
    """Seconds that each lens of an audit is expected to take, 1 where nobody knows."""
    return {name: sum(tasks.values()) or 1.0 for name, tasks in expected_tasks(run).items()}


def expected_tasks(run: Audit) -> dict[str, Mapping[str, float]]:
    """Seconds that the tasks of each lens are expected to take, as far as anybody knows."""
    cost = run.provenance.get("check", {}).get("cost", {})
    known = {one["lens"]: one["tasks"] for one in cost.get("lenses", ())}
    return {name: known.get(name) or {} for name in run.provenance["settings"]}


def _own(shard: Shard, costs: Mapping[str, float]) -> set[str]:
    """Lenses that a shard begins with: the longest first, each goes to who has least."""
    loads, own = [0.0] * shard.count, set[str]()
    for name, cost in sorted(costs.items(), key=lambda item: (-item[1], item[0])):
        place = loads.index(min(loads))
        loads[place] += cost
        if place == shard.number - 1:
            own.add(name)
    return own


class Reporting:
    """Tells somebody of progress, and in a file of the shard's folder how far each lens is."""

    def __init__(self, run: Audit, say: Progress) -> None:
        self._say, self._path, self._expected = say, run.path / PROGRESS, expected_tasks(run)
        self._shares = dict.fromkeys(run.lenses, 1.0)
        self._over = dict[str, set[str]]()
        self._task, self._written = "", 0.0

    def __call__(self, task: str, done: int, total: int) -> None:
        """Tell of a task, and from time to time write down how far each lens is."""
        self._say(task, done, total)
        lens, _, name = task.partition(": ")
        if not name:
            self._shares[lens] = done / max(total, 1)
        elif tasks := self._expected.get(lens):
            over = self._over.setdefault(lens, set())
            if name != self._task:
                over.add(self._task)
                self._task = name
            past = sum(tasks.get(one, 0.0) for one in over - {name})
            own = tasks.get(name, 0.0) * done / max(total, 1)
            # what is told of a lens is never quite all of it: the last word is its own
            self._shares[lens] = min((past + own) / (sum(tasks.values()) or 1.0), 0.99)
        if not name or time.monotonic() - self._written > _OFTEN:
            self._written = time.monotonic()
            shares = json.dumps(self._shares)
            write_whole(self._path, lambda place: place.write_text(shares))
