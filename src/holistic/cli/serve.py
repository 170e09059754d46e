"""Serve a saved audit's live page on this machine."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from holistic.errors import HolisticError, listed

if TYPE_CHECKING:
    from holistic.findings import Audit
    from holistic.workbench.live import Live

__all__ = ["serve"]

_MADE = ("data", "model", "weights", "seed", "limit", "score", "unit_axis")
"""What an audit must say of its source, so that its model can be made again."""


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
    from holistic.findings import load
    from holistic.workbench.serving import Served, check_installed

    check_installed()
    audit = load(folder)
    live = _model(audit, data_dir, trust=trust)
    if isinstance(live, str):
        print(f"without live interventions: {live}", file=sys.stderr)

    if not audit.reported:  # a job's lens may have been saved right before the server was stopped
        with contextlib.suppress(OSError):
            audit.report()
    served = Served(folder, live, port=port)
    print(served.address, flush=True)
    served.run()


def _model(audit: Audit, data_dir: Path | None, *, trust: bool) -> Live | str:
    """Make the model again as the audit says that it was made, or say why that can't be."""
    from holistic.cli.options import Plan, Source
    from holistic.cli.subjects import is_reference, load_source, obtain_model, whole_subject
    from holistic.progress import silent
    from holistic.workbench.live import Live
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
    if made["weights"] and not trust:
        return f"the audit names a file of weights, '{made['weights']}'; --trust reads it"
    source = Source(made["data"], model=made["model"], seed=made["seed"], data_dir=data_dir)
    own = audit.path / "model.safetensors"
    weights = Path(made["weights"]) if made["weights"] else own
    plan = Plan(limit=made["limit"], score=made["score"], unit_axis=tuple(made["unit_axis"]))
    if is_reference(source) and not weights.exists():
        return f"the model's weights aren't at '{weights}'"
    import torch

    # the number of threads decides the last bits, and lenses are added to an audit of the same
    torch.set_num_threads(audit.provenance.get("threads", torch.get_num_threads()))
    try:
        data = load_source(source)
        chosen = weights if weights.exists() else None
        subject = whole_subject(
            obtain_model(source, data, weights=chosen, progress=silent), data, source, plan
        )
        if other := difference(audit, subject):
            return other
        live = Live(subject)
        live.warm()
        return live
    except HolisticError as error:
        return str(error)
