"""Records where an audit's numbers come from, and whether a subject gives them again."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import platform
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import holistic
from holistic.study.presented import inputs_record
from holistic.study.standing import Accuracy
from holistic.words import percent

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = [
    "computing_as",
    "difference",
    "gone_on_with",
    "key",
    "lens_key",
    "other_than",
    "recorded",
]

_RECORDED = ("numpy", "scipy", "scikit-learn", "captum")
_DECISIVE = (
    "weights", "computation", "data_sha256", "splits_sha256", "classes", "features", "vocabulary",
    "score",
    "seed", "unit_axes", "sites", "device", "threads", "settings",
)  # fmt: skip
"""What decides the bytes of the tables."""
_OF_SUBJECT = (
    "weights", "computation", "data_sha256", "splits_sha256", "classes", "features", "vocabulary",
    "score",
    "seed", "unit_axes", "sites",
)  # fmt: skip
"""What of that a subject is, wherever it is computed."""
_DECISIVE_VERSIONS = ("holistic", "torch")
"""The versions that a resumed run must share with the run that it goes on with."""

_ONE_MODEL = (
    "One trained model: intervals leave out how another training would differ. Compare audits of "
    "several seeds."
)
_log = logging.getLogger("holistic")


def recorded(
    subject: Subject, settings: Mapping[str, Any], source: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the full record of where the numbers of a new audit come from.

    Parameters
    ----------
    subject
        What is studied.
    settings
        Settings of each lens.
    source
        How the subject is made, in plain JSON values.
    """
    identity = {**_identity(subject), "settings": dict(settings)}
    shape = " × ".join(str(size) for size in subject.images.shape[1:])
    versions = {name: version(name) for name in _RECORDED}
    accuracy = _accuracy(subject)
    notes = (subject.backend_note, *subject.notes)
    caveats = [_ONE_MODEL, *_no_better_than_chance(subject, accuracy)]
    return {
        "key": key(identity),
        "model": subject.name,
        "data": source.get("data", f"{len(subject.labels)} examples of shape {shape}"),
        **identity,
        "inputs": inputs_record(subject),
        "probe": dict(subject.computation.probe),
        "versions": {**identity["versions"], "python": platform.python_version(), **versions},
        "counts": {"selection": len(subject.selection), "evaluation": len(subject.evaluation)},
        "accuracy": accuracy,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "backend_note": subject.backend_note,
        "caveats": [*caveats, *filter(None, notes)],
        "source": dict(source),
    }


def gone_on_with(
    saved: Mapping[str, Any],
    subject: Subject,
    settings: Mapping[str, Any],
    source: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the record of a held audit as a run over this subject would go on with it.

    Its number of threads is kept, lenses that it doesn't know yet are added to its settings, and
    the source is what it is now: a file of weights may have moved.

    Parameters
    ----------
    saved
        The record as it was saved.
    subject, settings, source
        As for `recorded`.
    """
    identity = _identity(subject)
    return {
        **saved,
        **identity,
        "threads": saved.get("threads", identity["threads"]),
        "versions": {**saved.get("versions", {}), **identity["versions"]},
        "settings": {**saved.get("settings", {}), **settings},
        **({"source": dict(source)} if source else {}),
    }


def difference(saved: Mapping[str, Any], wanted: Mapping[str, Any], subject: Subject) -> str:
    """Say what of an audit a run would change; nothing where it would end with the same bytes."""
    from holistic.study.computation import differing

    known = saved.get("settings", {})
    settings = {name: wanted["settings"][name] for name in known}
    same = {**wanted, "settings": settings}
    names = [name for name in _DECISIVE if saved.get(name) != same.get(name)]
    versions = saved.get("versions", {})
    if any(versions.get(name) != wanted["versions"][name] for name in _DECISIVE_VERSIONS):
        names.append("versions")
    if "computation" not in names and differing(saved.get("probe", {}), subject.computation.probe):
        names.append("computation")
    if not names and saved["key"] != key(same):
        names.append("key")
    return f"different {', '.join(names)}" if names else ""


def other_than(saved: Mapping[str, Any], subject: Subject) -> list[str]:
    """Name what of a subject isn't as in the record of an audit; older records say less."""
    from holistic.study.computation import differing

    now = _identity(subject)
    newer = {"computation", "unit_axes"} - saved.keys()
    names = [n for n in _OF_SUBJECT if n not in newer and saved.get(n) != now.get(n)]
    if not names and "probe" in saved and differing(saved["probe"], subject.computation.probe):
        names.append("computation")
    return names


def key(provenance: Mapping[str, Any]) -> str:
    """Return the SHA-256 over what decides the bytes of an audit's tables."""
    decisive = {name: provenance[name] for name in _DECISIVE if name in provenance}
    decisive["versions"] = {name: provenance["versions"][name] for name in _DECISIVE_VERSIONS}
    text = json.dumps(decisive, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def lens_key(
    provenance: Mapping[str, Any], kind: type, settings: Mapping[str, Any], read: Mapping[str, Any]
) -> str:
    """Return the SHA-256 over what decides one lens's findings, the code that runs included.

    Parameters
    ----------
    provenance
        The record of the audit.
    kind, settings
        The lens and its settings.
    read
        The findings of others that it reads, with the digests of their files.
    """
    own = key({**provenance, "settings": settings})
    code = [_code(Path(holistic.__file__).parent)]
    if (source := inspect.getsourcefile(kind)) and not kind.__module__.startswith("holistic."):
        code.append(_code(Path(source).parent))
    digests = {n: {f: of["table"]["sha256"] for f, of in own.items()} for n, own in read.items()}
    whole = [own, kind.__module__, kind.__qualname__, code, digests]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _digest(words: Mapping[int, str]) -> str:
    """SHA-256 of the words of tokens, by their numbers."""
    return hashlib.sha256(json.dumps(sorted(words.items())).encode()).hexdigest()


@cache
def _code(folder: Path) -> str:
    """SHA-256 of the Python files in a folder."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        whole.update(f"{path.relative_to(folder)} ".encode() + path.read_bytes())
    return whole.hexdigest()


@contextmanager
def computing_as(provenance: Mapping[str, Any]) -> Generator[None]:
    """Compute with as many threads as an audit was begun with, and say so where that is new."""
    import torch

    now = torch.get_num_threads()
    then = provenance.get("threads", now)
    if then == now:
        yield
        return
    _log.warning("computing with %d threads, as the audit was begun with, not with %d", then, now)
    torch.set_num_threads(then)
    try:
        yield
    finally:
        torch.set_num_threads(now)


def _identity(subject: Subject) -> dict[str, Any]:
    """Return what decides the bytes of the tables, beside the settings of the lenses."""
    import torch

    digests = subject.fingerprint
    axes = {name: subject.site(name).unit_axis for name in sorted(subject.unit_axes)}
    return {
        "weights": digests["weights"],
        "computation": digests["computation"],
        "data_sha256": digests["data"],
        **({"splits_sha256": digests["splits"]} if "splits" in digests else {}),
        "classes": list(subject.classes),
        **({"features": list(subject.feature_names)} if subject.feature_names else {}),
        **({"vocabulary": _digest(subject.vocabulary)} if subject.vocabulary else {}),
        "score": subject.score,
        "seed": subject.seed,
        "unit_axes": axes,
        **({"sites": [s.name for s in subject.hidden_sites]} if subject.choices.sites else {}),
        "device": torch.device(subject.device).type,
        # the order of sums, and so the last bits, depends on the number of threads
        "threads": torch.get_num_threads(),
        "versions": {"holistic": holistic.__version__, "torch": str(torch.__version__)},
    }


def _accuracy(subject: Subject) -> dict[str, float]:
    """Return the accuracy on the evaluation split with its Wilson interval."""
    right = int((subject.predict().argmax(1) == subject.evaluation.labels).sum())
    return asdict(Accuracy.of(right, len(subject.evaluation)))


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
