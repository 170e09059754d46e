"""The command `attribute`: maps of every example, by one method or many."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated

from holistic.cli.options import COST, AsJson, Plan, Source, file_name, option
from holistic.cli.several import check_single
from holistic.cli.streams import kept_apart, print_json
from holistic.showing import progress_shown

__all__ = ["attribute"]


def attribute(
    source: Source = Source(),
    plan: Plan = Plan(),
    *,
    methods: Annotated[str, option(COST)] = "integrated_gradients",
    target: Annotated[str, option(COST)] = "label",
    json_: AsJson = False,
) -> None:
    """Map what speaks for a class in every example, into one `.npy` file a method.

    Parameters
    ----------
    source
        Which data and which model.
    plan
        What is mapped (`--limit`), and the folder that files are written to (`--out`).
    methods
        Names with commas between; gradients, usual or all for several.
    target
        label (default), predicted, runner-up, or a class by its name.
    json_
        Print one JSON document instead of text.
    """
    from holistic.attributing.written import methods_of, write_maps
    from holistic.cli.subjects import load_source, obtain_model, whole_subject, with_pretrained

    check_single(plan, "attribute")
    out = plan.out or Path(f"{file_name(source)}-maps")
    with kept_apart(), progress_shown() as progress:
        source = with_pretrained(source, plan.weights)
        data = load_source(source, plan.weights)
        model = obtain_model(source, data, weights=plan.weights, progress=progress)
        subject = whole_subject(model, data, source, plan)
        words = [word.strip() for word in methods.split(",") if word.strip()]
        chosen, refused = methods_of(subject, words)
        start, wanted = perf_counter(), subject.labels if target == "label" else target
        files = write_maps(subject, chosen, wanted, out, progress)
        seconds = perf_counter() - start
    if json_:
        names = {m.name: str(path) for m, path in zip(chosen, files, strict=True)}
        print_json({"examples": len(subject.images), "files": names, "refused": refused})
        return
    for name, why in refused.items():
        print(f"no map by {name}: {why}")
    print(f"maps of {len(subject.images):,} examples in '{out}' ({seconds:.1f} s)")
