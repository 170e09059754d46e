"""Compares audits of several trainings: what replicates, and which units are which."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from holistic.named import named

if TYPE_CHECKING:
    from holistic.comparing._compared import Compared
    from holistic.report.saved import Audit

__all__ = ["compare"]


@named
def compare(
    audits: Sequence[Audit | str | Path],
    *,
    out: str | Path | None = None,
    names: Sequence[str] = (),
    seed: int = 0,
) -> Audit:
    """Compare saved audits, of trainings with other seeds, checkpoints, or architectures.

    Every statement that an audit makes is asked of all others; each number that means the same in
    every training is estimated over them, with an interval that includes how trainings differ;
    units are matched one to one; layers, accuracy and effects are compared on the same examples.
    The model isn't needed: all is read from the audits' folders.

    Parameters
    ----------
    audits
        Audits or their folders, at least two.
    out
        Folder to write to, which must be new or hold a comparison; `compared` beside the first
        audit by default.
    names
        What the audits are called; their folders' names by default.
    seed
        Decides shuffles and draws.

    Returns
    -------
    Audit
        Its findings are `compare.statements`, `.answers`, `.statistics`, `.matching`, `.units`,
        `.similarity` and `.drift`; `report.html` lies beside its tables.

    Raises
    ------
    AuditError
        If audits can't be compared, which says what of them differs, or the folder is taken.
    """
    from holistic.comparing._compared import opened

    start = perf_counter()
    compared = opened(audits, names)
    path = Path(out) if out is not None else compared.audits[0].path.parent / "compared"
    findings = _findings(compared, seed)
    audit = _folder(path, compared)
    if compared.sites is not None:
        audit = audit.add("sites", [compared.sites], 0.0)
    audit = audit.add("compare", findings, perf_counter() - start)
    audit.report()
    return audit


def _findings(compared: Compared, seed: int) -> list[Any]:
    from holistic.comparing.drift import drift
    from holistic.comparing.similarity import similarity
    from holistic.comparing.statements import statements
    from holistic.comparing.statistics import statistics
    from holistic.comparing.units import matching_and_units

    alike, sites = similarity(compared, seed=seed)
    return [
        *statements(compared),
        *matching_and_units(compared, sites, seed=seed),
        alike,
        drift(compared),
        statistics(compared),
    ]


def _folder(path: Path, compared: Compared) -> Audit:
    """Open a new folder, or that of an earlier comparison, which is written again."""
    from holistic.errors import AuditError
    from holistic.report.saved import Audit

    existing = Audit.find(path)
    if existing is not None and "compare" not in existing.lenses:
        raise AuditError(f"output folder '{path}' holds an audit; choose another folder with --out")
    provenance = _provenance(compared)
    audit = Audit(path, provenance)
    path.mkdir(parents=True, exist_ok=True)
    audit.publish()
    return audit


def _provenance(compared: Compared) -> dict[str, Any]:
    from holistic.words import percent

    first = compared.audits[0].provenance
    keys = [str(audit.provenance["key"]) for audit in compared.audits]
    accuracy = [audit.provenance.get("accuracy") or {} for audit in compared.audits]
    values = [own["value"] for own in accuracy if own]
    models = list(dict.fromkeys(str(a.provenance.get("model", "")) for a in compared.audits))
    facts = [{"words": f"{len(keys)} audits", "why": ", ".join(compared.names)}]
    if values:
        each = "; ".join(
            f"{name} {percent(own.get('value'), own.get('lo'), own.get('hi'))}"
            for name, own in zip(compared.names, accuracy, strict=True)
            if own
        )
        lo, hi = percent(min(values)), percent(max(values))
        facts.append(
            {"words": f"accuracy {lo} to {hi}" if lo != hi else f"accuracy {lo}", "why": each}
        )
    return {
        "key": hashlib.sha256(" ".join(keys).encode()).hexdigest(),
        "model": ", ".join(models),
        "data": str(first.get("data", "")),
        "classes": list(first.get("classes", [])),
        "score": str(first.get("score", "")),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "facts": facts,
        "audits": {
            name: str(audit.path)
            for name, audit in zip(compared.names, compared.audits, strict=True)
        },
        "caveats": [],
    }
