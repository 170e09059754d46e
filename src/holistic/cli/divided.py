"""Who does a run: this process, one shard of several, or workers that this one starts."""

from __future__ import annotations

import os
import shlex
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from holistic.cli.options import Division, Plan
from holistic.cli.streams import WORDS
from holistic.errors import SettingError
from holistic.results.parts import Shard, shard_of, shards_in

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from holistic.executors import Worker
    from holistic.lenses._contract import Lens
    from holistic.progress import Progress
    from holistic.report.saved import Audit

__all__ = ["Doing", "check_fellows", "doing", "ended", "one_thread", "share"]

_MOST = 1024


@dataclass(frozen=True)
class Doing:
    """What of a run this process does.

    Attributes
    ----------
    shard
        The shard that it does; None for the whole run.
    worker
        Whether another process started it for that.
    workers
        How many processes it starts; 0 for none.
    ray
        Where Ray starts them; None for processes of this machine.
    """

    shard: Shard | None = None
    worker: bool = False
    workers: int = 0
    ray: str | None = None

    def folder(self, home: Path) -> Path:
        """Where this process saves what it finishes of the audit in a folder."""
        return self.shard.folder(home) if self.shard else home


def doing(division: Division, plan: Plan, trainings: int) -> Doing:
    """Return what of a run this process does.

    Raises
    ------
    SettingError
        If flags don't go together, or there is no such shard.
    """
    from holistic.executors.processes import WATCHED, WORKER, end_with_parent

    if own := os.environ.get(WORKER):
        if os.environ.get(WATCHED):
            end_with_parent()
        return Doing(Shard.read(own), worker=True)
    given = [n for n in ("workers", "shard", "ray") if getattr(division, n) not in (0, None)]
    if "shard" in given and len(given) > 1:
        raise SettingError(f"--shard does a part of a run in this process; leave out --{given[0]}")
    if given and trainings > 1:
        raise SettingError(f"--{given[0]} shares one run; study trainings one after another")
    if not 0 <= division.workers <= _MOST:
        raise SettingError(
            f"--workers must be a whole number from 1 to {_MOST:,}, got {division.workers}"
        )
    if division.ray is not None and not division.workers:
        raise SettingError("--ray needs to know how many workers there are to be: --workers 4")
    if division.shard is None:
        return Doing(workers=division.workers, ray=division.ray)
    if plan.time is not None:
        raise SettingError(
            "--time measures this machine, and shards would come to different settings; "
            "give each the same settings, or --quick"
        )
    return Doing(Shard.read(division.shard))


def check_fellows(run: Audit) -> None:
    """Refuse a shard of another run than those that share its folder."""
    from holistic.merging import check_alike
    from holistic.report.saved import Audit

    shard = shard_of(run.path)
    if shard is None:
        return
    shards = shards_in(run.path.parent.parent).items()
    others = {one: other for one, path in shards if (other := Audit.find(path)) and one != shard}
    check_alike({**others, shard: run})


def share(run: Audit, lenses: Sequence[Lens], what: Doing, progress: Progress) -> None:
    """Let workers run those lenses of an audit that was begun which aren't finished."""
    due = [lens.name for lens in lenses if lens.name not in run.lenses]
    if not what.workers or not due:
        return
    from holistic.executors import share_out
    from holistic.results.files import alone

    words = WORDS.get()
    if not words:
        raise SettingError("--workers is for the command line: workers are given the same words")
    with alone(run.path), _starting(run, words, what) as start:
        share_out(run, due, (what.workers, start), progress)


@contextmanager
def _starting(
    run: Audit, words: Sequence[str], what: Doing
) -> Generator[Callable[[Shard], Worker]]:
    """What starts the worker of a shard."""
    from holistic.executors.processes import Process, environment

    if what.ray is not None:
        from holistic.executors.on_ray import on_ray

        with on_ray(run, words, what.ray, what.workers) as start:
            yield start
        return

    def start_here(shard: Shard) -> Worker:
        folder = shard.folder(run.path)
        more = environment(shard, run.provenance["threads"])
        return Process(words, more, folder.with_name(f"{folder.name}.log"))

    yield start_here


def one_thread(what: Doing) -> None:
    """Compute with one thread where several workers share the machine."""
    import torch

    if what.workers:
        torch.set_num_threads(1)


def ended(run: Audit) -> str:
    """Say in a line what a shard has done and what ends the run."""
    home = run.path.parent.parent
    own = ", ".join(run.finished) or "no lens"
    return (
        f"shard {shard_of(run.path)} has ended; finished here: {own}\n"
        f"next      holistic merge {shlex.quote(str(home))}, once all shards have ended"
    )
