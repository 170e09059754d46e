"""How are lenses run over a subject into an audit that survives being cut off?"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import holistic
from holistic.errors import AuditError, SettingError, listed
from holistic.files import check_target, remove_unfinished
from holistic.findings import Audit, Finding
from holistic.lens import Context, Lens, lens_class, lens_names
from holistic.progress import Progress, silent
from holistic.settings import settled
from holistic.words import percent

if TYPE_CHECKING:
    from holistic.subject import Subject

__all__ = ["audit", "begin", "check_writable", "preflight"]

_RECORDED = ("numpy", "scipy", "scikit-learn", "captum")
_DECIDES_BYTES = ("holistic", "torch")
"""The versions that a resumed run must share with the run that it goes on with."""

_ONE_MODEL = (
    "Intervals are about this one trained model and its examples: they leave out how much the "
    "numbers would change if the model were trained again. Compare audits of several seeds."
)


@settled(gradients=True)
def audit(
    subject: Subject,
    *,
    out: str | Path,
    lenses: Sequence[Lens | str] | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Run lenses over a subject and save what they find, a lens at a time.

    A lens whose findings are in the folder already isn't run again, so that a run that was cut off
    goes on where it stopped and ends with the same bytes.

    Parameters
    ----------
    subject
        What to study.
    out
        Folder of the audit: new, empty, or holding an audit of the same subject.
    lenses
        Lenses with their settings, or names of lenses with the default ones; all lenses by
        default.
    progress
        Called with a task, the steps done and the steps in all: one task a lens (`ablation`), and
        those within it (`ablation: pairs of units`).

    Returns
    -------
    Audit
        The saved audit, with `report.html` beside its tables.

    Raises
    ------
    SettingError
        If there is no such lens, or a lens lacks the findings of others that it needs.
    AuditError
        If the folder is taken, holds the audit of another subject or with other settings, or
        another run writes to it.
    """
    say = progress or silent
    run = begin(subject, out=out, lenses=lenses)
    with _alone(run.path):
        if Audit.load(run.path).lenses != run.lenses:  # another run ended in between
            run = begin(subject, out=out, lenses=lenses)
        for lens in _chosen(lenses):
            if lens.name not in run.lenses:
                run = _answered(run, lens, subject, say)
        run.report()
    return run


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Hold a folder while lenses are run: two runs at once would overwrite each other's record."""
    from filelock import FileLock, Timeout

    check_target(folder / ".lock", within=folder)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AuditError(f"another run writes to '{folder}' now; wait for its end") from None
    try:
        for place in (folder, folder / "tables", folder / "arrays"):
            remove_unfinished(place)
        yield
    finally:
        lock.release()


def begin(
    subject: Subject,
    *,
    out: str | Path,
    lenses: Sequence[Lens | str] | None = None,
    source: Mapping[str, Any] | None = None,
) -> Audit:
    """Open the folder of an audit and save the table of sites, before any lens is run.

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

    Raises
    ------
    SettingError
        If there is no such lens, or a lens lacks the findings of others that it needs.
    AuditError
        If the folder is taken, or holds the audit of another subject or with other settings.
    ModelError
        If a hidden site holds NaN or infinite values.
    """
    chosen = _chosen(lenses)
    held = Audit.held(Path(out))
    _check_needs(chosen, held)
    settings = {lens.name: _settings(lens) for lens in chosen}
    run = (
        _reopened(held, subject, settings)
        if held
        else _opened(Path(out), subject, settings, source or {})
    )
    if "sites" in run.lenses:
        return run
    subject.check_finite()
    start = time.perf_counter()
    return run.add("sites", [Finding("sites", subject.sites)], time.perf_counter() - start)


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
    held = Audit.held(Path(out))
    _check_needs(_chosen(lenses), held)
    check_writable(Path(out))
    known = held.provenance.get("source", {}) if held else {}
    other = [name for name in known if known[name] != source.get(name)]
    if other:
        raise AuditError(
            f"output folder '{out}' holds another audit (different {', '.join(other)}); "
            "choose another folder with --out, or remove it"
        )
    return held


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


def _chosen(lenses: Sequence[Lens | str] | None) -> tuple[Lens, ...]:
    """Return the lenses in running order; one of the user's own comes after all others."""
    names = lens_names()
    given = [
        lens_class(n)() if isinstance(n, str) else n for n in (names if lenses is None else lenses)
    ]
    twice = {lens.name for lens in given if sum(lens.name == o.name for o in given) > 1}
    if twice:
        raise SettingError(f"lenses are given twice: {listed(sorted(twice))}; give each once")
    rank = {name: place for place, name in enumerate(names)}
    return tuple(sorted(given, key=lambda lens: rank.get(lens.name, len(rank))))


def _check_needs(chosen: Sequence[Lens], held: Audit | None) -> None:
    there = {lens.name for lens in chosen} | set(held.lenses if held else ())
    for lens in chosen:
        missing = [name for name in lens.needs if name not in there]
        if missing:
            raise SettingError(
                f"lens '{lens.name}' reads the findings of {listed(lens.needs)}, and "
                f"{listed(missing)} {'is' if len(missing) == 1 else 'are'} missing; "
                "run them as well, or before into the same folder"
            )


def _settings(lens: Lens) -> dict[str, Any]:
    """Return the fields of a lens as they read back from JSON."""
    return json.loads(json.dumps(dataclasses.asdict(lens), default=str, allow_nan=False))


def _opened(
    path: Path, subject: Subject, settings: Mapping[str, Any], source: Mapping[str, Any]
) -> Audit:
    """Open a new audit with the full record of where its numbers come from."""
    identity = {**_identity(subject), "settings": dict(settings)}
    shape = " × ".join(str(size) for size in subject.images.shape[1:])
    recorded = {name: version(name) for name in _RECORDED}
    accuracy = _accuracy(subject)
    caveats = [_ONE_MODEL, *_no_better_than_chance(subject, accuracy)]
    provenance = {
        "key": _key(identity),
        "model": subject.name,
        "data": source.get("data", f"{len(subject.labels)} examples of shape {shape}"),
        **identity,
        "versions": {**identity["versions"], "python": platform.python_version(), **recorded},
        "counts": {"selection": len(subject.selection), "evaluation": len(subject.evaluation)},
        "accuracy": accuracy,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "backend_note": subject.backend_note,
        "caveats": [*caveats, *([subject.backend_note] if subject.backend_note else [])],
        "source": dict(source),
    }
    return Audit.create(path, provenance)


def _reopened(held: Audit, subject: Subject, settings: Mapping[str, Any]) -> Audit:
    """Go on with a saved audit; lenses that it doesn't know yet are added to its settings."""
    known = held.provenance.get("settings", {})
    identity = _identity(subject)
    wanted = {
        **held.provenance,
        **identity,
        "versions": {**held.provenance.get("versions", {}), **identity["versions"]},
        "settings": {name: settings.get(name, value) for name, value in known.items()},
    }
    run = Audit.create(held.path, {**wanted, "key": _key(wanted)})
    if settings.keys() <= known.keys():
        return run
    wanted["settings"] = {**known, **settings}
    return dataclasses.replace(run, provenance={**wanted, "key": _key(wanted)})


def _identity(subject: Subject) -> dict[str, Any]:
    """Return what decides the bytes of the tables, beside the settings of the lenses."""
    import torch

    return {
        "weights": subject.fingerprint["weights"],
        "data_sha256": subject.fingerprint["data"],
        "classes": list(subject.classes),
        "score": subject.score,
        "seed": subject.seed,
        # the order of sums, and so the last bits, depends on the number of threads
        "threads": torch.get_num_threads(),
        "versions": {"holistic": holistic.__version__, "torch": str(torch.__version__)},
    }


def _key(provenance: Mapping[str, Any]) -> str:
    names = ("weights", "data_sha256", "classes", "score", "seed", "threads", "settings")
    decisive = {name: provenance[name] for name in names}
    decisive["versions"] = {name: provenance["versions"][name] for name in _DECIDES_BYTES}
    text = json.dumps(decisive, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _accuracy(subject: Subject) -> dict[str, float]:
    """Return the accuracy on the evaluation split with its Wilson interval."""
    from holistic.stats.intervals import wilson

    right = int((subject.predict().argmax(1) == subject.evaluation.labels).sum())
    n = len(subject.evaluation)
    lo, hi = wilson(right, n)
    return {"value": right / n, "lo": float(lo), "hi": float(hi), "n": n}


def _no_better_than_chance(subject: Subject, accuracy: Mapping[str, float]) -> list[str]:
    """Warn where always saying the most frequent class would do as well."""
    labels = subject.evaluation.labels
    usual = int(labels.bincount().max()) / len(labels)
    if accuracy["lo"] > usual:
        return []
    return [
        f"The model is right on {percent(accuracy['value'], accuracy['lo'], accuracy['hi'])} of "
        "the evaluation examples, no more than always saying the most frequent class would be "
        f"({percent(usual)}): is it trained, and are the inputs as it expects?"
    ]


def _answered(run: Audit, lens: Lens, subject: Subject, say: Progress) -> Audit:
    """Run one lens and save its findings."""

    def say_within(task: str, done: int, total: int) -> None:
        say(f"{lens.name}: {task}", done, total)

    say(lens.name, 0, 1)
    start = time.perf_counter()
    findings = list(lens.run(subject, Context(_Saved(run), say_within)))
    strays = [f.name for f in findings if f.lens != lens.name]
    if strays:
        raise ValueError(f"lens '{lens.name}' names findings of another lens: {listed(strays)}")
    run = run.add(lens.name, findings, time.perf_counter() - start)
    say(lens.name, 1, 1)
    return run


class _Saved(Mapping[str, Finding]):
    """Findings of an audit by name, read from its folder when they are asked for.

    A lens reads what was saved, also within one run: then a resumed run can't differ.
    """

    def __init__(self, run: Audit) -> None:
        self._run = run
        self._read: dict[str, Finding] = {}

    def __getitem__(self, name: str) -> Finding:
        if name not in self._run.names:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = self._run.finding(name)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._run.names)

    def __len__(self) -> int:
        return len(self._run.names)
