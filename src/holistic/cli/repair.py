"""The command `repair`: takes shortcuts out of a copy of a model and saves its weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from holistic.cli.options import AsJson, Plan, Source, file_name
from holistic.cli.several import check_single
from holistic.cli.streams import kept_apart, print_json
from holistic.errors import AuditError
from holistic.showing import progress_shown

if TYPE_CHECKING:
    from holistic.progress import Progress
    from holistic.study.subject import Subject

__all__ = ["repair"]


def repair(
    source: Source = Source(),
    plan: Plan = Plan(),
    *,
    how: Literal["auto", "mask", "readout", "weights"] = "auto",
    trust: bool = False,
    json_: AsJson = False,
) -> None:
    """Find shortcuts and take them out of a copy of a model; the model stays as it is.

    Parameters
    ----------
    source
        Which data and which model; or the folder of an audit in place of the data.
    plan
        What is studied; `--out` names the file of the copy's weights.
    how
        What is edited; auto takes the best.
    trust
        Run code that an audit names.
    json_
        Print one JSON document instead of text.
    """
    from holistic.repairing import repair as repaired
    from holistic.results.files import check_target
    from holistic.study.weights import save_weights

    check_single(plan, "repair")
    out = plan.out or Path(f"{_called(source)}-repaired.safetensors")
    check_target(out)
    with kept_apart(), progress_shown() as progress:
        done = repaired(_subject(source, plan, progress, trust=trust), how=how, progress=progress)
    if done.how != "nothing":
        save_weights(done.model, out, {"repaired": done.how})
    if json_:
        rows = list(done.finding.table.rows())
        print_json({"how": done.how, "weights": str(out), "rows": rows})
        return
    for line in done.finding.statements:
        print(line)
    if done.how != "nothing":
        print(f"weights in '{out}'")


def _called(source: Source) -> str:
    return Path(source.data).name if _is_audit(source) else file_name(source)


def _is_audit(source: Source) -> bool:
    return (Path(source.data) / "audit.json").is_file()


def _subject(source: Source, plan: Plan, progress: Progress, *, trust: bool) -> Subject:
    """Make what is to be repaired, of flags or as an audit says.

    Raises
    ------
    AuditError
        If the audit's model can't be made again.
    """
    from holistic.cli.serve import made_again
    from holistic.cli.subjects import load_source, obtain_model, whole_subject, with_pretrained
    from holistic.report.saved import load

    if _is_audit(source):
        subject = made_again(load(Path(source.data)), source.data_dir, trust=trust)
        if isinstance(subject, str):
            raise AuditError(subject)
        return subject
    source = with_pretrained(source, plan.weights)
    data = load_source(source, plan.weights)
    model = obtain_model(source, data, weights=plan.weights, progress=progress)
    return whole_subject(model, data, source, plan)
