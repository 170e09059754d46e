"""The numbers are right: slow twins, planted truths, finite differences and Captum agree.

The tests that compare every measurement with a second one written straight from its definition, or
with a truth that was planted, are run as they stand; each test counts once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.torture.children import Try

__all__ = ["FULL", "SHORT", "tries"]

_ROOT = Path(__file__).resolve().parents[2]
_PLANTED = ("ablation", "activation", "attribution", "mechanism", "tracing", "verdicts")
_WITNESSES = ("slow", "captum", *(f"planted_{room}" for room in _PLANTED))
"""Modules that hold second measurements and truths."""
FULL, SHORT = 1000, 1
"""Files of tests; in the short form one, since all are run beside it."""


def tries(count: int, place: Path) -> Iterator[Try]:
    """Run so many files of tests, and count the tests."""
    for path in _files()[:count]:
        report = place / f"{path.stem}.xml"
        words = ["-q", "-p", "no:cacheprovider", f"--junitxml={report}", str(path)]
        command = [sys.executable, "-m", "pytest", *words]
        subprocess.run(command, cwd=_ROOT, env=os.environ, capture_output=True, check=False)
        if not report.exists():
            yield Try(path.stem, "its tests didn't run")
            continue
        for case in ElementTree.parse(report).iter("testcase"):
            if case.find("skipped") is None:
                broken = case.find("failure") is not None or case.find("error") is not None
                yield Try(f"{path.stem}::{case.get('name')}", "it fails" if broken else "")


def _files() -> list[Path]:
    """Files of tests that import a witness."""
    found = list[Path]()
    for path in sorted((_ROOT / "tests").glob("test_*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        imports = [line for line in lines if line.startswith(("import ", "from "))]
        if any(line.split()[1].startswith(_WITNESSES) for line in imports):
            found.append(path)
    return found
