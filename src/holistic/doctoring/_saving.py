"""Saves a self-test as a folder with a report, and as JSON that an audit can be read beside."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from holistic.doctoring._checkup import Checkup
from holistic.errors import AuditError
from holistic.report.saved import Audit
from holistic.results.error_rates import FILE_NAME
from holistic.results.files import write_whole
from holistic.words import counted, duration

__all__ = ["save"]


def save(checkup: Checkup, path: Path, *, seed: int) -> Audit:
    """Write the findings, a report and `doctor.json` into a folder.

    Raises
    ------
    AuditError
        If the folder is taken by something else than a self-test.
    """
    existing = Audit.find(path)
    if existing is not None and "doctor" not in existing.lenses:
        raise AuditError(f"output folder '{path}' holds an audit; choose another folder with --out")
    audit = Audit(path, _provenance(checkup, seed))
    path.mkdir(parents=True, exist_ok=True)
    audit.publish()
    audit = audit.add("doctor", [*checkup.findings.values()], checkup.seconds)
    text = json.dumps(checkup.record(), indent=1)
    write_whole(path / FILE_NAME, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    audit.report()
    return audit


def _provenance(checkup: Checkup, seed: int) -> dict[str, Any]:
    words = "healthy" if checkup.healthy else f"{counted(len(checkup.failures), 'failure')}"
    planted = sum(checkup["doctor.truths"].column("planted"))
    facts = [
        {"words": words, "why": "; ".join(checkup.failures) or "nothing failed"},
        {"words": f"{int(planted)} planted answers", "why": "in networks that were built for it"},
        {"words": duration(checkup.seconds), "why": "what the self-test took"},
    ]
    digest = hashlib.sha256(f"doctor {checkup.subject} {seed}".encode()).hexdigest()
    return {
        "key": digest,
        "model": "self-test",
        "data": checkup.subject,
        "classes": [],
        "score": "margin",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "facts": facts,
        "caveats": [*checkup.notes],
    }
