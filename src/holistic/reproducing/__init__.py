"""Trains the origin's network several times and sets its results beside what comes out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from holistic.errors import DataError, explain_memory_errors
from holistic.graph.torch_settings import settled
from holistic.named import named
from holistic.progress import WholeRun

if TYPE_CHECKING:
    from holistic.progress import Progress
    from holistic.report.saved import Audit
    from holistic.reproducing.measured import Measured
    from holistic.reproducing.networks import Networks
    from holistic.results.findings import Finding
    from holistic.study.datasets import Data

__all__ = ["reproduce", "usual_folder"]

_MOST_SEEDS, _MOST_EPOCHS = 1000, 10_000
_MODELS = "models"
_LEARNING, _MEASURING = 40.0, 50.0
"""Seconds that a training of 60,000 images, and its measurements, take on two cores."""
_IMAGES = 60_000


def usual_folder(data: str) -> Path:
    """Where a reproduction is saved, unless told otherwise."""
    return Path("runs") / f"reproduce-{data}"


@named
@explain_memory_errors()
@settled(gradients=True)
def reproduce(
    data: str = "mnist",
    *,
    seeds: int = 5,
    epochs: int | None = None,
    out: str | Path | None = None,
    data_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Train the origin's network from several seeds, and set its results beside what comes out.

    Each result of the origin is measured in every training, beside a control, and judged over the
    trainings by rules that were fixed beforehand. A call that was cut off goes on where it stopped
    when it is made again.

    Parameters
    ----------
    data
        `mnist`, or `digits`, which needs no files.
    seeds
        How many trainings there are; two or more. They differ in weights and order of the images.
    epochs
        Passes over the training images; 3 by default.
    out
        Folder to write to, new or of the same reproduction; `runs/reproduce-DATA` by default.
    data_dir
        Folder with `mnist/*.gz`; `$HOLISTIC_DATA` by default, a download without it.
    progress
        Called with a task, the steps done and the steps in all; shown on stderr by default.

    Returns
    -------
    Audit
        Its findings are `reproduce.lines`, `.parts`, `.trainings` and `.pictures`; `report.html`
        lies beside its tables, the weights in `models`.

    Raises
    ------
    DataError
        If there is no such data set, or its classes aren't the ten digits.
    SettingError
        If a number isn't one that is allowed.
    AuditError
        If the folder is taken, or can't be written.
    """
    from holistic.arguments import whole
    from holistic.report.saved import Audit
    from holistic.reproducing.record import recorded
    from holistic.showing import progress_shown
    from holistic.starting import check_writable
    from holistic.study.datasets import load_data

    seeds = whole(seeds, "seeds", 2, _MOST_SEEDS)
    epochs = None if epochs is None else whole(epochs, "epochs", 1, _MOST_EPOCHS)
    path = usual_folder(data) if out is None else Path(out)
    check_writable(path)
    loaded = load_data(data, data_dir=data_dir, seed=0).as_floats()
    if loaded.train is None or loaded.classes != tuple("0123456789"):
        raise DataError(f"'{data}' has no ten digits to train on; take mnist or digits")
    record = recorded(loaded, seeds, epochs)
    audit = Audit.create(path, record)
    if "reproduce" in audit.lenses and not audit.fault("reproduce"):
        return audit
    if progress is not None:
        return _saved(audit, loaded, epochs, progress)
    with progress_shown() as shown:
        return _saved(audit, loaded, epochs, shown)


def _saved(audit: Audit, data: Data, epochs: int | None, progress: Progress) -> Audit:
    """Train and measure, and save what is found; pieces that are finished outlive a kill."""
    from holistic.reproducing.networks import Networks
    from holistic.results.files import alone
    from holistic.shards import finished_pieces
    from holistic.study.provenance import computing_as, lens_key

    record = audit.provenance
    key = lens_key(record, Networks, record["settings"]["reproduce"], {})
    start = perf_counter()
    with computing_as(record), alone(audit.path):
        with finished_pieces(audit.path, "reproduce", key) as pieces:
            findings = _findings(audit.path, data, record["seeds"], epochs, progress)
        audit = audit.add("reproduce", findings, perf_counter() - start)
        pieces.remove()
        audit.report()
    return audit


def _findings(
    path: Path, data: Data, seeds: int, epochs: int | None, progress: Progress
) -> list[Finding]:
    from holistic.reproducing.findings import found, pictures
    from holistic.reproducing.networks import networks, recipes

    assert data.train is not None
    scale = len(data.train) / _IMAGES
    expected = {"learning": 1 + scale * _LEARNING, "measuring": 5 + scale * _MEASURING}
    say = WholeRun(progress, {f"seed {seed}": expected for seed in range(seeds)})
    by_seed: dict[int, list[Measured]] = {}
    shown: list[Finding] = []
    for seed in range(seeds):
        learning = partial(_learning, say, seed)
        trained = networks(
            data, seed, folder=path / _MODELS, made=recipes(epochs), progress=learning
        )
        by_seed[seed] = _measured(trained, say)
        say(f"seed {seed}", 1, 1)
        shown = shown or [pictures(trained.mlp)]
    say.end()
    weights = path / _MODELS / "mlp-seed0.safetensors"
    command = f"holistic run {data.name} --weights {weights} --lens {{lens}}"
    return [*found(by_seed, command), *shown]


def _learning(say: Progress, seed: int, task: str, done: int, total: int) -> None:
    say(f"seed {seed}: learning", done, total)


def _measured(trained: Networks, say: Progress) -> list[Measured]:
    """Measure all lines in one training."""
    from holistic.reproducing import depth, groups, regions, removals, units
    from holistic.reproducing.origin import SPEAKING

    mlp, place = trained.mlp, trained.mlp.classes.index
    speaking = tuple((digit, place(digit)) for digit in SPEAKING)
    steps: list[Callable[[], list[Measured]]] = [
        lambda: removals.accuracy(mlp),
        lambda: removals.top_ten(mlp, place("7")),
        lambda: units.layers([mlp, trained.cnn]),
        *(partial(regions.regions, mlp, name) for name in regions.PARTS),
        lambda: groups.clusters(mlp, speaking),
        lambda: groups.pairs(mlp),
        lambda: depth.abstraction(mlp),
        lambda: depth.directions(mlp),
    ]
    found: list[Measured] = []
    for done, step in enumerate(steps):
        say(f"seed {trained.seed}: measuring", done, len(steps))
        found += step()
    say(f"seed {trained.seed}: measuring", len(steps), len(steps))
    return found
