"""Serve a saved audit's live page on this machine."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holistic.cli import INTERRUPTED
from holistic.cli.streams import as_line
from holistic.errors import HolisticError, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holistic.report.saved import Audit
    from holistic.study.subject import Subject
    from holistic.workbench.live import Live
    from holistic.workbench.serving import Served

__all__ = ["made_again", "needs_trust", "serve"]

_MADE = ("data", "model", "weights", "seed", "limit", "score", "unit_axis")
"""What an audit must say of its source, so that its model can be made again."""
_PORTS = 65_535
_SOURCE = (
    "data", "model", "seed", "split_seed", "classes", "first", "resize", "normalise", "vocabulary",
)  # fmt: skip
"""What of that are flags of the source, some said only where they were given."""


def serve(
    folder: Path,
    *,
    port: int = 0,
    data_dir: Path | None = None,
    trust: bool = False,
) -> None:
    """Serve the report of a saved audit with live interventions on its model.

    Ctrl-C ends it. Only programs on this machine that know the printed address can ask anything.

    Parameters
    ----------
    folder
        Folder of the audit.
    port
        Port on 127.0.0.1; any that is free by default.
    data_dir
        Folder that holds data sets; `$HOLISTIC_DATA` by default.
    trust
        Run the code and read the files that the audit names (`module:factory`, `folder:PATH`,
        weights). An audit may come from somebody else.
    """
    from holistic.arguments import whole
    from holistic.report.saved import load
    from holistic.workbench.serving import Served, check_installed

    whole(port, "--port", 0, _PORTS)
    check_installed()
    audit = load(folder)
    live = _model(audit, data_dir, trust=trust)
    if isinstance(live, str):
        print(f"without live interventions: {as_line(live)}", file=sys.stderr)

    if not audit.reported:  # a job's lens may have been saved right before the server was stopped
        with contextlib.suppress(OSError):
            audit.report()
    served = Served(folder, live, port=port)
    print(served.address, flush=True)
    _run(served)


def needs_trust(made: Mapping[str, Any]) -> bool:
    """Say whether what an audit was made of is only run or read with `--trust`."""
    own = any(":" in str(made.get(name)) for name in ("model", "data"))
    return own or bool(made.get("forward") or made.get("weights"))


def _run(served: Served) -> None:
    """Serve until Ctrl-C or a signal ends it, and end then.

    Python would wait for steps that can't be stopped, and for torch's own ending, which takes more
    than a second. Files appear whole or not at all, so there is nothing to be left half-done.
    """
    try:
        served.run()
    except (KeyboardInterrupt, SystemExit) as stop:
        code = stop.code if isinstance(stop, SystemExit) else INTERRUPTED
        if code == INTERRUPTED:
            print("interrupted", file=sys.stderr)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code if isinstance(code, int) else 1)


def _threads(asked: int | None) -> int:
    """How many threads compute: as many as the audit's, which decide the last bits, if they are.

    An audit may come from somebody else, or from a larger machine.
    """
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    wanted, most = asked or torch.get_num_threads(), max(cores or 1, torch.get_num_threads())
    if wanted > most:
        print(
            f"the audit was made with {wanted} threads, this machine has {most}: last digits may "
            "differ, and lenses can't be added to it here",
            file=sys.stderr,
        )
    return min(wanted, most)


def _model(audit: Audit, data_dir: Path | None, *, trust: bool) -> Live | str:
    """Make the model again for the live page, or say why that can't be."""
    from holistic.workbench.live import Live

    subject = made_again(audit, data_dir, trust=trust)
    if isinstance(subject, str):
        return subject
    try:
        live = Live(subject)
        live.warm()
        return live
    except HolisticError as error:
        return str(error)


def made_again(audit: Audit, data_dir: Path | None, *, trust: bool) -> Subject | str:
    """Make a subject again as the audit says that it was made, or say why that can't be."""
    from holistic.cli.options import QUICK_EXAMPLES, Plan, Source
    from holistic.cli.subjects import is_reference, load_source, obtain_model, whole_subject
    from holistic.progress import silent
    from holistic.workbench.serving import difference

    made = audit.provenance.get("source")
    if not made:
        return (
            "the audit was made in Python and doesn't say how to make its model; "
            "holistic.serve(audit, subject) serves it from there"
        )
    if lacking := [name for name in _MADE if name not in made]:
        return f"the audit doesn't say how to make its model: it lacks {listed(lacking)}"
    if not trust and any(":" in made[name] for name in ("model", "data")):
        return (
            f"the audit names code or a folder of its own ('{made['model']}' on '{made['data']}'); "
            "--trust runs and reads them"
        )
    if made.get("forward") and not trust:
        return f"the audit names code of its own, '{made['forward']}'; --trust runs it"
    if made["weights"] and not trust:
        return f"the audit names a file of weights, '{made['weights']}'; --trust reads it"
    given = {n: made[n] for n in _SOURCE if n in made}
    if words := given.pop("vocabulary", None):
        given["vocabulary"] = Path(words)
    source = Source(**given, data_dir=data_dir)
    own = audit.path / "model.safetensors"
    weights = Path(made["weights"]) if made["weights"] else own
    quick = made["limit"] == QUICK_EXAMPLES  # which more classes than that allows stretch
    plan = Plan(
        limit=None if quick else made["limit"],
        quick=quick,
        score=made["score"],
        unit_axis=tuple(made["unit_axis"]),
        sites=tuple(made.get("sites") or audit.provenance.get("sites", ())),
        forward=made.get("forward"),
    )
    if is_reference(source) and not weights.exists():
        return f"the model's weights aren't at '{weights}'"
    import torch

    torch.set_num_threads(_threads(audit.provenance.get("threads")))
    try:
        data = load_source(source, Path(made["weights"]) if made["weights"] else None)
        chosen = weights if weights.exists() else None
        subject = whole_subject(
            obtain_model(source, data, weights=chosen, progress=silent), data, source, plan
        )
        return difference(audit, subject) or subject
    except HolisticError as error:
        return str(error)
