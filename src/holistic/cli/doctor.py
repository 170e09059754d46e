"""The command `doctor`: a self-test with known answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from holistic.cli.options import MODEL, AsJson, Plan, Source, option
from holistic.cli.several import check_single
from holistic.cli.streams import kept_apart, print_json
from holistic.showing import progress_shown

if TYPE_CHECKING:
    from holistic.progress import Progress
    from holistic.study.subject import Subject

__all__ = ["doctor"]

_FAILED = 1


def doctor(
    source: Source = Source(),
    plan: Plan = Plan(),
    *,
    like: Annotated[str | None, option(MODEL)] = None,
    repeats: Annotated[int, Parameter(show_default=False)] = 1,
    json_: AsJson = False,
) -> int:
    """Ask every verdict about networks whose answers are known; exit code 1 where one fails.

    Parameters
    ----------
    source
        Which data `like` is studied on; the seed decides every draw.
    plan
        How `like` is read, and where findings are saved; nothing is saved without --out.
    like
        Plant answers into copies of this model, too: mlp, cnn, vit, or module:factory.
    repeats
        How often each truth is planted anew; once by default.
    json_
        Print one JSON document instead of text.
    """
    from holistic.arguments import whole
    from holistic.doctoring import doctor as examine

    check_single(plan, "doctor")
    whole(repeats, "--repeats", 1, 1000)
    with kept_apart(), progress_shown() as progress:
        subject = None if like is None else _subject(replace(source, model=like), plan, progress)
        checkup = examine(
            subject, seed=source.seed, repeats=repeats, out=plan.out, progress=progress
        )
    if json_:
        print_json(checkup.record(), indent=1)
    else:
        print(checkup)
        if plan.out is not None:
            print(f"\nreport            {plan.out / 'report.html'}")
    return 0 if checkup.healthy else _FAILED


def _subject(source: Source, plan: Plan, progress: Progress) -> Subject:
    """Make the model that answers are planted into copies of, with its data."""
    from holistic.cli.subjects import load_source, obtain_model, whole_subject, with_pretrained

    source = with_pretrained(source, plan.weights)
    data = load_source(source, plan.weights)
    model = obtain_model(source, data, weights=plan.weights, progress=progress)
    return whole_subject(model, data, source, plan)
