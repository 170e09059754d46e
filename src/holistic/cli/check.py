"""The command `check`: a first look at a model and its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holistic.cli.options import QUICK_EXAMPLES, AsJson, Plan, Source, usual_folder
from holistic.cli.several import check_single
from holistic.cli.streams import kept_apart, print_json
from holistic.cli.subjects import (
    is_reference,
    load_source,
    obtain_model,
    weights_of_audit,
    whole_subject,
    with_pretrained,
)
from holistic.errors import notice
from holistic.lenses._choice import chosen_lenses
from holistic.showing import progress_shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holistic.checking import Check
    from holistic.lenses._contract import Lens
    from holistic.study.datasets import Data
    from holistic.study.subject import Subject

__all__ = ["check", "seen"]


def check(source: Source = Source(), plan: Plan = Plan(), *, json_: AsJson = False) -> None:
    """Look at a model and its data within seconds, before any work.

    Parameters
    ----------
    source
        Which data and which model.
    plan
        What would be studied, and with which lenses.
    json_
        Print one JSON document instead of text.
    """
    from holistic.audits import planned

    check_single(plan, "check")
    with kept_apart(), progress_shown() as progress:
        source = with_pretrained(source, plan.weights)
        data, out = load_source(source, plan.weights), plan.out or usual_folder(source)
        kept = None if plan.weights else weights_of_audit(source, out)
        model = obtain_model(source, data, weights=plan.weights or kept, progress=progress)
        subject = whole_subject(model, data, source, plan)
        chosen = chosen_lenses(plan.lens or None)
        cut = planned(subject, chosen, out=out, quick=plan.quick)
        look = seen(cut.subject, data, (source, plan), lenses=cut.lenses)
    if cut.note:
        notice(cut.note)
    if json_:
        print_json(look.record(), indent=1)
    else:
        print(look)


def seen(
    subject: Subject,
    data: Data,
    flags: tuple[Source, Plan],
    *,
    lenses: Sequence[Lens | str] | None,
) -> Check:
    """Look at a subject, and say where its weights come from and what of the data isn't used."""
    from holistic.checking import check as look

    source, plan = flags
    trained = is_reference(source) and plan.weights is None
    if plan.weights:
        weights = f"from '{plan.weights}'"
    elif trained and data.train is not None:
        weights = f"trained here on {len(data.train):,} other examples"
    else:
        weights = f"as '{source.model}' returns them"
    available = len(data.test) if trained else sum(map(len, data.sides))
    unused = available - len(subject.labels)
    most, quick = QUICK_EXAMPLES, plan.quick
    return look(subject, lenses=lenses, weights=weights, unused=unused, most=most, quick=quick)
