"""Runs lenses over a subject into an audit that survives being cut off."""

from __future__ import annotations

import dataclasses
import errno
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, NoReturn

from holistic.arguments import check_subject
from holistic.checking.fitting import read_time
from holistic.errors import AuditError, LensError, as_cause, explain_memory_errors, listed, notice
from holistic.graph.torch_settings import settled, undrawn
from holistic.lenses._choice import chosen_lenses, settings_of
from holistic.lenses._contract import Lens, left_out
from holistic.lenses._running import Stopped, findings_of
from holistic.merging import remove_shards, with_finished
from holistic.named import named
from holistic.progress import Progress, WholeRun
from holistic.report.saved import Audit
from holistic.results.files import alone
from holistic.results.parts import fellows, shard_of
from holistic.shards import finished_pieces
from holistic.sharing import (
    Elsewhere,
    Reporting,
    expected_tasks,
    finished_elsewhere,
    next_lens,
    store_for,
)
from holistic.showing import progress_shown
from holistic.starting import as_begun, begin, check_writable, planned, preflight
from holistic.study.provenance import computing_as, lens_key

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["as_begun", "audit", "begin", "check_writable", "planned", "preflight"]

_WORTH = 1.0
"""Seconds that a task must take to be told of where nobody asked for progress."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_log = logging.getLogger("holistic")


@named
@explain_memory_errors()
@settled(gradients=True)
@undrawn
def audit(
    subject: Subject,
    *,
    out: str | Path,
    lenses: Sequence[Lens | str] | None = None,
    progress: Progress | None = None,
    anyway: bool = False,
    quick: bool = False,
    time: float | str | None = None,
) -> Audit:
    """Run lenses over a subject and save what they find, a lens at a time.

    A lens whose findings are in the folder already isn't run again, so that a run that was cut off
    goes on where it stopped and ends with the same bytes. One of whose files any was changed or
    lost is run again, and so are those that read it. A lens that fails doesn't keep others from
    being run.

    Parameters
    ----------
    subject
        What to study.
    out
        Folder of the audit: new, empty, or holding an audit of the same subject.
    lenses
        Lenses with their settings, or names of lenses with the default ones, or one of either;
        all lenses by default.
    progress
        Called with a task, the steps done and the steps in all: one task a lens (`ablation`), those
        within it (`ablation: pairs of units`), and `whole run`, whose steps are seconds. By
        default progress is shown on stderr; `holistic.progress.silent` shows nothing.
    anyway
        Study a model, too, that is no better than chance.
    quick
        Take a quarter of the time or less: with fewer examples, copies and steps wherever a lens
        has its default settings, and of a model that would still take long fewer of its hidden
        sites, where `Subject` names none. Intervals are wider by that.
    time
        Seconds, or such as `"10m"`, that the run should take at most: settings, and then sites,
        are cut until it is expected to.

    Returns
    -------
    Audit
        The saved audit, with `report.html` beside its tables.

    Raises
    ------
    LensError
        If a lens failed, once all others have been run and the report was written; its `audit`
        holds what they found.
    SettingError
        If there is no such lens, or a lens lacks the findings of others that it needs.
    AuditError
        If the folder is taken, holds the audit of another subject or with other settings, or
        another run writes to it.
    ModelError
        If the model is no better than chance; see `subject.check()`.
    """
    for line in left_out() if lenses is None else ():
        notice(line)
    chosen = chosen_lenses(lenses)
    seconds = None if time is None else read_time(time)
    check_subject(subject)
    cut = planned(subject, chosen, out=out, seconds=seconds, quick=quick)
    subject, chosen, notes = cut.subject, cut.lenses, [cut.note] if cut.note else []
    for line in notes:
        notice(line)
    errors = dict[str, Exception]()
    start = partial(begin, out=out, lenses=chosen, anyway=anyway, seconds=seconds, notes=notes)
    run = start(subject)
    with computing_as(run.provenance), alone(run.path), _shown(progress) as shown:
        if Audit.load(run.path).lenses != run.lenses:  # another run ended in between
            run = start(subject)
        run = _sound(run, chosen)
        due = [lens for lens in chosen if lens.name not in run.lenses]
        say = _with_whole_run(shown, run, due)
        run = _with_all(run, due, subject, say, errors)
        if not shard_of(run.path):
            run.report()
            if not run.failed:
                remove_shards([run.path], run.provenance["key"])
        if isinstance(say, WholeRun):
            say.end()
    failed = [lens.name for lens in chosen if lens.name in run.failed]
    if failed:
        _raise_failed(run, failed, errors)
    return run


def _shown(progress: Progress | None) -> AbstractContextManager[Progress]:
    """Whoever is told of the progress; a terminal or lines on stderr where nobody else is."""
    return progress_shown(least=_WORTH) if progress is None else nullcontext(progress)


def _with_whole_run(say: Progress, run: Audit, due: Sequence[Lens]) -> Progress:
    """Add the whole run's time where it is known what lenses take."""
    if shard_of(run.path):
        return Reporting(run, say)
    tasks = expected_tasks(run)
    expected = {lens.name: tasks[lens.name] for lens in due if tasks.get(lens.name)}
    return WholeRun(say, expected) if expected else say


def _sound(run: Audit, chosen: Sequence[Lens]) -> Audit:
    """Take the lenses out of which a file was changed or lost, and those that read them.

    Raises
    ------
    AuditError
        If one of them isn't going to be run now.
    """
    faults = {name: fault for name in run.lenses if (fault := run.fault(name))}
    for name, fault in faults.items():
        if name not in [lens.name for lens in chosen]:
            raise AuditError(f"{fault}; run lens '{name}' as well, which makes it again")
    again = set(faults)
    for lens in chosen:
        if lens.name in run.lenses and not again.isdisjoint(lens.needs):
            again.add(lens.name)
    for fault in faults.values():
        affected = listed(name for name in run.lenses if name in again)
        _log.warning("%s; what is affected is run again: %s", fault, affected)
    left = {name: entry for name, entry in run.lenses.items() if name not in again}
    return dataclasses.replace(run, lenses=left)


def _with_all(
    run: Audit, due: Sequence[Lens], subject: Subject, say: Progress, errors: dict[str, Exception]
) -> Audit:
    """Run the lenses that nobody has finished, also not another who shares the run."""
    left = list(due)
    while left:
        key, others = run.provenance["key"], fellows(run.path)
        over = finished_elsewhere(others, key, [lens.name for lens in left])
        left = [lens for lens in left if lens.name not in over]
        if left:
            lens = next_lens(run, left)
            left.remove(lens)
            run = _tried(with_finished(run, lens.needs), lens, subject, say, errors)
    return run if shard_of(run.path) else with_finished(run, [lens.name for lens in due])


def _tried(
    run: Audit, lens: Lens, subject: Subject, say: Progress, errors: dict[str, Exception]
) -> Audit:
    """Run one lens and save its findings, or why there are none; a failure goes into `errors`."""
    missing = [name for name in lens.needs if name not in run.lenses]
    if missing:
        return run.lacking(lens.name, f"it reads the findings of {listed(missing)}")
    start = perf_counter()
    try:
        store = store_for(run, lens.name)
        with finished_pieces(run.path, lens.name, _key(run, lens), store) as pieces:
            findings = findings_of(lens, subject, run, say)
    except Elsewhere:
        return run
    except Stopped as stopped:
        raise stopped.error from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise  # no other lens could be saved either
        errors[lens.name] = error
        line = as_cause(error)
        _log.warning("lens '%s' failed: %s", lens.name, line)
        return run.lacking(lens.name, f"it failed: {line}")
    seconds = perf_counter() - start
    run = run.add(lens.name, findings, seconds)
    _log.info("lens '%s' saved in '%s' after %.1f s", lens.name, run.path, seconds)
    pieces.remove()
    say(lens.name, 1, 1)
    return run


def _key(run: Audit, lens: Lens) -> str:
    """Digest of all that decides what a lens finds: what it has done before goes by it."""
    read = {name: run.lenses[name]["findings"] for name in lens.needs}
    return lens_key(run.provenance, type(lens), settings_of(lens), read)


def _raise_failed(run: Audit, failed: Sequence[str], errors: Mapping[str, Exception]) -> NoReturn:
    """Tell which lenses are missing from a run that is saved otherwise, and from what errors."""
    reasons = "; ".join(f"'{name}' is missing: {run.failed[name]}" for name in failed)
    causes = list(errors.values())
    cause = causes[0] if len(causes) == 1 else ExceptionGroup("lenses failed", causes)
    raise LensError(
        f"{reasons}; the other lenses ({len(run.finished)}) are saved in '{run.path}', and the "
        "same command tries again",
        run,
    ) from cause
