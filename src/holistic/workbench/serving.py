"""Starts a live page, from the terminal and from Python."""

from __future__ import annotations

import atexit
import contextlib
import html
import secrets
import signal
import threading
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from holistic.errors import SettingError
from holistic.named import named
from holistic.report.saved import Audit, load
from holistic.study.part import on_sites
from holistic.study.provenance import other_than

if TYPE_CHECKING:
    from holistic.study.subject import Subject
    from holistic.workbench.live import Live

__all__ = ["Served", "check_installed", "difference", "serve"]

_JOB_SECONDS = 0.5
"""A lens that is stopped ends at its next step; one that takes longer isn't waited for."""


class Served:
    """The live page of an audit, on this machine's loopback address only.

    Attributes
    ----------
    address
        What to open. It holds the page's token behind its `#`: whoever knows it may ask.

    Parameters
    ----------
    folder
        Folder of the audit.
    live
        Its model, or why there is none.
    port
        0 for any that is free.

    Raises
    ------
    SettingError
        If the port is taken.
    """

    def __init__(self, folder: Path, live: Live | str, *, port: int = 0) -> None:
        from holistic.workbench.app import Answers, application
        from holistic.workbench.connections import Stoppable, listening, speaking

        self._place, token = listening(port), secrets.token_urlsafe(24)
        host = f"127.0.0.1:{self._place.getsockname()[1]}"
        self.address = f"http://{host}/#token={token}"
        self._answers = Answers(folder, live)
        app = application(self._answers, host, token)
        self._server = Stoppable(speaking(app), self._answers.end)
        self._thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        """Serve until it is interrupted or closed; jobs that still run are stopped then."""
        if threading.current_thread() is threading.main_thread():
            # uvicorn hands it on once it has stopped: as it is it would end Python at once
            signal.signal(signal.SIGTERM, _end)
            if hasattr(signal, "SIGHUP"):  # which uvicorn knows nothing of
                signal.signal(signal.SIGHUP, self._hung_up)
        try:
            self._server.run(sockets=[self._place])
        finally:
            self._answers.running.close(_JOB_SECONDS)

    def _hung_up(self, number: int, frame: FrameType | None) -> None:
        if self._server.should_exit:
            _end(number, frame)
        self._server.handle_exit(number, frame)

    def start(self) -> Served:
        """Serve from a thread, until it is closed or Python ends."""
        self._thread.start()
        atexit.register(self.close)
        return self

    def wait(self) -> None:
        """Wait until it is closed, at the end of a script for instance; Ctrl-C ends the waiting."""
        with contextlib.suppress(KeyboardInterrupt):
            self._thread.join()

    def close(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        atexit.unregister(self.close)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return self.address

    def _repr_html_(self) -> str:
        shown = html.escape(self.address)
        return f'<a href="{shown}" target="_blank" rel="noopener">{shown.partition("#")[0]}</a>'


def _end(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


@named
def serve(audit: Audit | str | Path, subject: Subject, *, port: int = 0) -> Served:
    """Serve an audit's page with live interventions on the model in hand, beside your own code.

    `holistic serve` does the same from the terminal for audits that it can make the model of again.
    While the page is served, other threads shouldn't edit the subject's model.

    Parameters
    ----------
    audit
        The audit, or its folder.
    subject
        The subject that was audited.
    port
        Port on 127.0.0.1; any that is free by default.

    Returns
    -------
    Served
        Its `address` is what to open; `close()`, or leaving its `with` block, ends it.

    Raises
    ------
    SettingError
        If the subject isn't the one that was audited, a package is missing (extra `app`), or the
        port is taken.
    AuditError
        If there is no audit in the folder.
    """
    check_installed()
    from holistic.workbench.live import Live

    opened = audit if isinstance(audit, Audit) else load(audit)
    if (sites := opened.provenance.get("sites")) and not subject.choices.sites:
        subject = on_sites(subject, sites)  # those that a quick run has chosen
    other = difference(opened, subject)
    if other:
        raise SettingError(f"this isn't the subject of '{opened.path}': {other}")
    live = Live(subject)
    live.warm()
    return Served(opened.path, live, port=port).start()


def difference(audit: Audit, subject: Subject) -> str:
    """Say in what the subject isn't the audit's, if it isn't."""
    names = other_than(audit.provenance, subject)
    other = [name.removesuffix("_sha256").replace("_", " ") for name in names]
    return (
        f"the model has other {', '.join(other)} now than when the audit was made" if other else ""
    )


def check_installed() -> None:
    """Raise a `SettingError` that names the packages which the live page lacks."""
    missing = [name for name in ("starlette", "uvicorn", "duckdb") if find_spec(name) is None]
    if missing:
        raise SettingError(
            f"the live page needs {', '.join(missing)}; "
            "install them with: pip install 'holistic-interpretability[app]'"
        )
