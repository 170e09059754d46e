"""The command `doctor`: a self-test with known answers."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from holistic.cli.options import COST, DATA, MODEL, OUTPUT, AsJson, Plan, Source, option
from holistic.cli.streams import kept_apart, print_json
from holistic.showing import progress_shown

if TYPE_CHECKING:
    from holistic.progress import Progress
    from holistic.study.subject import Subject

__all__ = ["Likeness", "doctor"]

_FAILED = 1


@Parameter(name="*")
@dataclass(frozen=True)
class Likeness:
    """Which model answers are planted into copies of, beside the networks built for it."""

    data: Annotated[str, option(DATA)] = "digits"
    """Data of --like: digits, mnist, folder:PATH, module:name."""
    _: KW_ONLY
    like: Annotated[str | None, option(MODEL)] = None
    """Plant into copies of mlp, cnn, vit or module:factory, too."""
    weights: Annotated[Path | None, option(MODEL)] = None
    """Its file of weights; a reference model is trained here."""
    forward: Annotated[str | None, option(MODEL)] = None
    """module:function(model, batch) that returns logits."""
    seed: Annotated[int, option(MODEL)] = 0
    """Of weights, training and every draw; 0 by default."""
    data_dir: Annotated[Path | None, option(DATA)] = None
    """Folder of mnist/*.gz; $HOLISTIC_DATA by default."""
    classes: Annotated[tuple[str, ...], option(DATA)] = ()
    """Names in the order of the logits: cat,dog."""
    resize: Annotated[str | None, option(DATA)] = None
    """Size of a folder's pictures: 64 or 64x48, height first."""
    normalise: Annotated[str | None, option(DATA)] = None
    """Mean and deviation: 0.13,0.31, or one per channel."""
    device: Annotated[str, option(COST)] = "auto"
    """cpu, cuda, cuda:1; auto takes CUDA where there is any."""

    def subject(self, progress: Progress) -> Subject | None:
        """Make the model with its data; None where none is named."""
        from holistic.cli.subjects import load_source, obtain_model, whole_subject, with_pretrained

        if self.like is None:
            return None
        given = Source(
            self.data,
            model=self.like,
            seed=self.seed,
            data_dir=self.data_dir,
            classes=self.classes,
            resize=self.resize,
            normalise=self.normalise,
        )
        source = with_pretrained(given, self.weights)
        data = load_source(source, self.weights)
        model = obtain_model(source, data, weights=self.weights, progress=progress)
        plan = Plan(forward=self.forward, device=self.device)
        return whole_subject(model, data, source, plan)


def doctor(
    likeness: Likeness = Likeness(),
    *,
    repeats: Annotated[int, option(COST)] = 1,
    out: Annotated[Path | None, option(OUTPUT)] = None,
    json_: AsJson = False,
) -> int:
    """Ask every verdict about networks whose answers are known; exit code 1 where one fails.

    Parameters
    ----------
    likeness
        A model that answers are planted into copies of, too, with its data.
    repeats
        How often each truth is planted anew; once by default.
    out
        Folder to save findings in, with a report and doctor.json.
    json_
        Print one JSON document instead of text.
    """
    from holistic.doctoring import doctor as examine

    with kept_apart(), progress_shown() as progress:
        subject, seed = likeness.subject(progress), likeness.seed
        checkup = examine(subject, seed=seed, repeats=repeats, out=out, progress=progress)
    if json_:
        print_json(checkup.record(), indent=1)
    else:
        print(checkup)
        if out is not None:
            print(f"\nreport            {out / 'report.html'}")
    return 0 if checkup.healthy else _FAILED
