"""Errors of one line for audits that hold what a page can't show."""

from __future__ import annotations

import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from holistic.errors import AuditError, HolisticError, shortened
from holistic.results.folder import Folder

__all__ = ["showing"]

_PACKAGE = str(Path(__file__).parents[1])


@contextmanager
def showing(audit: Folder, finding: str = "") -> Generator[None]:
    """Tell in one line what of an audit can't be shown.

    Files of the right hash and kind may hold any numbers, as audits are passed on and can be
    edited: a code out of range, a curve of no points. The cause stays behind the error.

    Parameters
    ----------
    audit
        What is shown.
    finding
        Which part of it, if it is one.

    Raises
    ------
    AuditError
        If it can't be.
    """
    try:
        yield
    except (AuditError, OSError):
        raise
    except Exception as error:
        part = f"finding '{finding}' of the audit" if finding else "the audit"
        raise AuditError(
            f"{part} in '{audit.path}' can't be shown: {_cause(error)}; if it was edited, "
            "run the audit again; if not, this is a mistake of the program"
        ) from error


def _cause(error: Exception) -> str:
    if isinstance(error, HolisticError):
        return shortened(str(error)).replace("; ", ", ")
    own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(_PACKAGE)]
    message = shortened(f"{type(error).__name__}: {error}")
    return f"{message} ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else message
