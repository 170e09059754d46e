"""Run the lenses over a model and save an audit."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from holistic.cli.divided import Doing, check_fellows, doing, ended, one_thread, share
from holistic.cli.options import (
    AsJson,
    Configuration,
    Division,
    Plan,
    Source,
    Verbose,
    settings_class,
)
from holistic.cli.several import Training, compared, trainings
from holistic.cli.streams import kept_apart, print_json
from holistic.errors import AuditError, LensError, notice
from holistic.lenses._contract import Lens, left_out, lens_class, lens_names
from holistic.results.parts import WEIGHTS
from holistic.showing import progress_shown

if TYPE_CHECKING:
    from holistic.progress import Progress
    from holistic.report.saved import Audit
    from holistic.study.datasets import Data
    from holistic.study.subject import Subject

    class Settings:
        """One field a lens; made from the lenses that there are."""
else:
    Settings = settings_class(map(lens_class, lens_names()))

__all__ = ["run", "show"]

_DEFAULTS = Settings()


def run(
    source: Source = Source(),
    plan: Plan = Plan(),
    division: Division = Division(),
    *,
    settings: Annotated[Settings, Parameter(name="*")] = _DEFAULTS,
    json_: AsJson = False,
    verbose: Verbose = False,
    config: Configuration = None,
) -> None:
    """Study a model through all lenses and save an audit with its report.

    A run that was cut off goes on where it stopped when the same command is given again. Of
    several trainings each is studied in a folder of its own, and then they are compared.

    Parameters
    ----------
    source
        Which data and which model.
    plan
        What is studied, with which lenses, and where it is saved.
    division
        Which processes do it.
    settings
        Settings of the lenses.
    json_
        Print one JSON document instead of text.
    verbose
        Print every sentence of every finding.
    config
        TOML file of settings (`seed = 1`, `[ablation]`).
    """
    lenses, every = _lenses(plan, settings), trainings(source, plan)
    what = doing(division, plan, len(every))
    failed: LensError | None = None
    found: list[Audit] = []
    with kept_apart(), progress_shown() as progress:
        for one in every:
            try:
                if len(every) > 1:
                    print(f"{one.out.name}, of {len(every)}", file=sys.stderr, flush=True)
                found.append(_audited(one, lenses, what, progress=progress))
            except LensError as error:
                found.append(error.audit)
                failed = error
            except KeyboardInterrupt:
                raise KeyboardInterrupt(f"interrupted; {_kept(one.out)}") from None
        audit = compared(every) if len(every) > 1 else found[0]
    if what.shard:
        print(ended(audit))
    else:
        show(audit, report_json=json_, verbose=verbose)
    if failed:
        raise failed


def _lenses(plan: Plan, settings: Settings) -> list[Lens]:
    """Return the chosen lenses with their settings, each once; tell which are left out of all."""
    for line in () if plan.lens else left_out():
        notice(line)
    kinds = [lens_class(name) for name in dict.fromkeys(plan.lens or lens_names())]
    lenses: list[Lens] = [getattr(settings, kind.name, None) or kind() for kind in kinds]
    if not plan.exact:
        return lenses
    return [replace(lens, exact=True) if hasattr(lens, "exact") else lens for lens in lenses]


def _audited(one: Training, lenses: Sequence[Lens], what: Doing, *, progress: Progress) -> Audit:
    """Get the model, open the audit, keep the weights beside it, and run the lenses."""
    from holistic import audits
    from holistic.cli.subjects import (
        check_saved,
        chosen_rows,
        is_reference,
        load_source,
        obtain_model,
        whole_subject,
    )
    from holistic.study.provenance import computing_as
    from holistic.study.scores import checked_score
    from holistic.study.weights import save_weights

    source, plan, out = one.source, one.plan, what.folder(one.out)
    checked_score(plan.score)
    check_saved(str(out))
    existing = audits.preflight(out, lenses=lenses, source=_recorded(source, plan))
    data = load_source(source, plan.weights)
    if plan.most is not None:
        chosen_rows(data.test.labels, plan, seed=source.dividing)  # before any training
    one_thread(what)
    with computing_as(existing.provenance if existing else {}):
        weights = plan.weights or _learnt(one, what, existing)
        model = obtain_model(source, data, weights=weights, progress=progress)
        try:
            subject = whole_subject(model, data, source, plan)
            subject, lenses, run = _begun((one, what, data), subject, lenses, existing)
            check_fellows(run)
            if weights is None and is_reference(source):
                save_weights(model, out / WEIGHTS, source.origin)
            share(run, lenses, what, progress)
            return audits.audit(
                subject, out=out, lenses=lenses, progress=progress, anyway=plan.anyway
            )
        except OSError as error:
            raise AuditError(
                f"'{out}' can't be written: {error.strerror or error}; {_kept(out)}"
            ) from error


def _learnt(one: Training, what: Doing, existing: Audit | None) -> Path | None:
    """Weights of a reference model that were learnt before, if they were."""
    from holistic.cli.subjects import is_own, weights_of_audit

    own = what.folder(one.out) / WEIGHTS
    if existing and is_own(own, existing):
        return own
    return weights_of_audit(one.source, one.out) if what.shard else None


def _begun(
    given: tuple[Training, Doing, Data],
    subject: Subject,
    lenses: Sequence[Lens],
    existing: Audit | None,
) -> tuple[Subject, Sequence[Lens], Audit]:
    """Cut the run to its time, take the first look, and open the audit's folder."""
    from holistic import audits
    from holistic.checking.fitting import read_time, reductions
    from holistic.cli.check import seen

    (one, what, data), plan = given, given[0].plan
    out, seconds = what.folder(one.out), None if plan.time is None else read_time(plan.time)
    look, notes = None, list[str]()
    if what.worker and existing:
        cut = audits.as_begun(subject, lenses, existing.provenance)
    else:
        cut = audits.planned(subject, lenses, out=out, seconds=seconds, quick=plan.quick)
        notes = [cut.note] if cut.note else []
        for line in filter(None, [*notes, reductions(cut.lenses) if seconds else ""]):
            notice(line)
        due = _due(cut.lenses, existing)
        look = seen(cut.subject, data, (one.source, plan), lenses=due or cut.lenses)
        print(look, file=sys.stderr, flush=True)
    run = audits.begin(
        cut.subject,
        out=out,
        lenses=cut.lenses,
        source=_recorded(one.source, plan),
        anyway=plan.anyway,
        look=look,
        seconds=seconds,
        notes=notes,
    )
    return cut.subject, cut.lenses, run


def _due(lenses: Sequence[Lens], existing: Audit | None) -> list[Lens]:
    """The lenses that are left to run; say which of an audit that is gone on with are kept."""
    from holistic.shards import FOLDER

    kept = existing.finished if existing else ()
    if existing and (kept or (existing.path / FOLDER).exists()):
        parts = f"finished before: {', '.join(kept) or 'no lens, but a part of one'}"
        print(f"going on in '{existing.path}'; {parts}", file=sys.stderr, flush=True)
    return [lens for lens in lenses if lens.name not in kept]


def _recorded(source: Source, plan: Plan) -> dict[str, Any]:
    """Return how the subject is made, for the provenance."""
    return {
        **source.made,
        "weights": str(plan.weights) if plan.weights else None,
        "limit": plan.most,
        "score": plan.score,
        "unit_axis": list(plan.unit_axis),
        **({"sites": list(plan.sites)} if plan.sites else {}),
        **({"forward": plan.forward} if plan.forward else {}),
    }


def _kept(out: Path) -> str:
    """Say what a run that didn't finish leaves."""
    from holistic.report.saved import Audit
    from holistic.shards import FOLDER

    existing = Audit.find(out)
    if existing is None:
        return "nothing was saved"
    more = " and what was measured of the next" if (out / FOLDER).exists() else ""
    return (
        f"the finished lenses ({len(existing.finished)}){more} are kept in '{out}', and the same "
        "command goes on there"
    )


def show(audit: Audit, *, report_json: bool, verbose: bool) -> None:
    """Print what was found: to read, or as one JSON document."""
    from holistic.report import as_json, everything, summary

    page = audit.path / "report.html"
    if report_json:
        document = {"audit": str(audit.path), "report": str(page), **as_json(audit)}
        print_json(document, indent=1)
        return
    from rich.console import Console

    from holistic.cli.serve import needs_trust

    Console(highlight=False).print(everything(audit) if verbose else summary(audit))
    print(f"\nreport    {page}")
    if source := audit.provenance.get("source"):  # a comparison has no model to ask
        trust = " --trust" if needs_trust(source) else ""
        print(f"explore   holistic serve {shlex.quote(str(audit.path))}{trust}")
    if not verbose:
        print(f"more      holistic report {shlex.quote(str(audit.path))} --verbose")
