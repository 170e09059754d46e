"""Opens the folder of an audit before its lenses are run, and finds out whether that can be."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holistic.arguments import check_subject
from holistic.checking import Check, first_look
from holistic.checking.fitting import Cut, fitted, quick_cut, reductions
from holistic.errors import AuditError
from holistic.graph.sites import SITES
from holistic.lenses._choice import check_needs, chosen_lenses, settings_of
from holistic.lenses._contract import Lens
from holistic.report.saved import Audit
from holistic.results.files import alone
from holistic.results.findings import Finding
from holistic.study.part import on_sites
from holistic.study.provenance import difference, gone_on_with, key, recorded
from holistic.study.shared import shared_examples

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["as_begun", "begin", "check_writable", "planned", "preflight"]

_log = logging.getLogger("holistic")


def begin(
    subject: Subject,
    *,
    out: str | Path,
    lenses: Sequence[Lens | str] | None = None,
    source: Mapping[str, Any] | None = None,
    anyway: bool = False,
    look: Check | None = None,
    seconds: float | None = None,
    notes: Sequence[str] = (),
) -> Audit:
    """Open the folder of an audit and save the table of sites, before any lens is run.

    A folder in which no lens is finished counts as new, whatever subject it was opened for.

    Parameters
    ----------
    subject
        What to study.
    out
        Folder of the audit.
    lenses
        Lenses that are going to be run, as for `audit`.
    source
        Where the subject comes from, in plain JSON values (`data`, `model`, …): recorded, and not
        compared.
    anyway
        Whether a new audit may be of a model that is no better than chance.
    look
        The first look at the subject, if there was one.
    seconds
        Time that the run was cut to fit into, if it was: recorded.
    notes
        More caveats of a new audit.

    Raises
    ------
    SettingError
        If there is no such lens, or a lens lacks the findings of others that it needs.
    AuditError
        If the folder is taken, or holds the audit of another subject or with other settings.
    ModelError
        If a hidden site holds NaN or infinite values, the model was changed meanwhile, or a new
        audit would be of a model that is no better than chance.
    """
    check_subject(subject)
    chosen, path = chosen_lenses(lenses), Path(out)
    existing = Audit.find(path)
    if existing is None and (path / "audit.json").exists():
        _log.warning("'%s' is damaged; all lenses are run again", path / "audit.json")
    check_needs(chosen, existing.lenses if existing else ())
    subject.check_unchanged()
    settings = {lens.name: settings_of(lens) for lens in chosen}
    run = _reopened(existing, subject, settings, source) if existing else None
    if run and existing and not run.fault("sites"):
        return _moved_to(existing, run, source)
    subject.check_finite()  # before a folder is made: a model that is refused leaves none
    start = time.perf_counter()
    sites = [Finding(SITES, subject.sites), shared_examples(subject)]
    provenance = dict[str, Any]()
    if run is None:
        seen = first_look(subject, lenses=lenses, anyway=anyway, look=look)
        made = recorded(subject, settings, source or {})
        caveats = [*made["caveats"], *filter(None, [*notes, reductions(chosen)])]
        provenance = {**made, "caveats": caveats, "check": seen.record()}
        provenance |= {"time": seconds} if seconds else {}
    with alone(path):
        _check_still(path, existing)
        if run is None:
            run = Audit(path, provenance) if existing else Audit.create(path, provenance)
        return run.add("sites", sites, time.perf_counter() - start)


def _reopened(
    existing: Audit, subject: Subject, settings: Mapping[str, Any], source: Mapping[str, Any] | None
) -> Audit | None:
    """Go on with a saved audit; None where no lens in it is finished and it is another subject's.

    Lenses that it doesn't know yet are added to its settings.
    """
    wanted = gone_on_with(existing.provenance, subject, settings, source)
    if other := difference(existing.provenance, wanted, subject):
        if existing.finished:
            raise _taken(existing.path, other)
        return None
    return dataclasses.replace(existing, provenance={**wanted, "key": key(wanted)})


def _moved_to(existing: Audit, run: Audit, source: Mapping[str, Any] | None) -> Audit:
    """Save where the subject of a saved audit comes from now, if from elsewhere."""
    if source and source != existing.provenance.get("source"):
        with alone(existing.path):
            _check_still(existing.path, existing)
            dataclasses.replace(
                existing, provenance={**existing.provenance, "source": source}
            ).publish()
    return run


def _check_still(path: Path, existing: Audit | None) -> None:
    if Audit.find(path) != existing:
        raise AuditError(f"another run wrote to '{path}' meanwhile; give the command again")


def _taken(folder: Path, other: str) -> AuditError:
    return AuditError(
        f"output folder '{folder}' holds another audit ({other}); "
        "choose another folder with --out, or remove it"
    )


def preflight(
    out: str | Path, *, lenses: Sequence[Lens | str] | None = None, source: Mapping[str, Any]
) -> Audit | None:
    """Find out before any work whether a run could be saved; nothing is written.

    Parameters
    ----------
    out
        Folder of the audit.
    lenses
        Lenses that are going to be run, as for `audit`.
    source
        Where the subject is going to come from, as for `begin`.

    Returns
    -------
    Audit | None
        The audit in the folder that the run would go on with; None where it would be new.

    Raises
    ------
    SettingError
        If there is no such lens, or a lens lacks the findings of others that it needs.
    AuditError
        If the folder is taken, can't be written, or holds an audit from another source.
    """
    existing = Audit.find(Path(out))
    check_needs(chosen_lenses(lenses), existing.lenses if existing else ())
    check_writable(Path(out))
    known = existing.provenance.get("source", {}) if existing else {}
    other = [n for n in known if known[n] != source.get(n) and not _moved(n, known[n], source)]
    if existing and other and existing.finished:
        raise _taken(Path(out), f"different {', '.join(other)}")
    return None if other else existing


def _moved(name: str, known: Any, source: Mapping[str, Any]) -> bool:
    """Say whether it names a file or folder: these may move, and what they hold is compared."""
    now = source.get(name)
    if name == "weights":
        return now is not None
    return all(str(place).startswith("folder:") for place in (known, now))


def planned(
    subject: Subject,
    lenses: Sequence[Lens],
    *,
    out: str | Path,
    seconds: float | None = None,
    quick: bool = False,
) -> Cut:
    """Cut what a run does to that of a quick one, or until it fits into a time, or not at all.

    A run that is gone on with keeps what was cut when it was begun.

    Parameters
    ----------
    subject, lenses
        What is going to be studied, and with which settings.
    out
        Folder of the audit.
    seconds
        Time that the run may take.
    quick
        Whether it is a quick run.
    """
    if seconds is None:
        return quick_cut(subject, lenses) if quick else Cut(subject, tuple(lenses))
    existing = Audit.find(Path(out))
    known = existing.provenance if existing and existing.finished else {}
    if known.get("time") != seconds:
        return fitted(subject, lenses, seconds, quick=quick)
    return as_begun(subject, lenses, known)


def as_begun(subject: Subject, lenses: Sequence[Lens], provenance: Mapping[str, Any]) -> Cut:
    """Return what a run does that goes on with an audit as it was begun, whatever was cut then."""
    settings, sites = provenance["settings"], provenance.get("sites")
    some = on_sites(subject, sites) if sites and not subject.choices.sites else subject
    same = (type(o)(**settings[o.name]) if o.name in settings else o for o in lenses)
    return Cut(some, tuple(same))


def check_writable(folder: Path) -> None:
    """Find out before any work whether files could be put into a folder; nothing is written.

    Raises
    ------
    AuditError
        If they couldn't.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise AuditError(
            f"'{folder}' can't be written: '{there}' is no folder that can be written to; "
            "choose another place with --out"
        )
