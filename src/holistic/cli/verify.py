"""The command `verify`: is a saved audit as its run left it?"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from holistic.cli.options import AsJson, check_sum
from holistic.cli.streams import as_line, print_json

__all__ = ["verify"]

_CHANGED = 1
"""Exit code where something was changed or is missing."""


def verify(folder: Path, *, expect_sha256: str | None = None, json_: AsJson = False) -> int:
    """Hash every file of a saved audit again, and compare with what its run wrote down; no torch.

    Exit code 1 says that a file is missing or was changed.

    Parameters
    ----------
    folder
        Folder of the audit.
    expect_sha256
        The sum that `audit.json` must have, noted when the audit was made.
    json_
        Print one JSON document instead of text.

    Raises
    ------
    SettingError
        If `expect_sha256` is no SHA-256.
    """
    from holistic.report.saved import load

    if expect_sha256 is not None:
        check_sum(expect_sha256, folder / "audit.json")
    found = load(folder).verify()
    if expect_sha256 and expect_sha256.lower() != found.sha256:
        line = f"'{folder / 'audit.json'}' isn't the one that is expected ({expect_sha256})"
        found = dataclasses.replace(found, faults=(*found.faults, line))
    if json_:
        print_json({**dataclasses.asdict(found), "path": str(found.path), "whole": bool(found)})
    else:
        for line in str(found).splitlines():
            print(as_line(line))
    return 0 if found else _CHANGED
