"""What lenses are expected to take beside what they take: `python -m benchmarks.expected NAME`.

Names are `digits-mlp`, `digits-cnn`, `digits-vit`, `mnist-mlp` and `resnet18`; `--quick` takes the
settings of a quick run on 1,000 images, `--sites '#-3:'` some of the sites. Both columns are
seconds of the processor, which other programs on the machine change less than those of the clock.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence

import torch

import holistic
from benchmarks.networks import CACHE
from holistic.checking.fitting import quick_cut
from holistic.lenses._choice import chosen_lenses
from holistic.lenses._contract import Lens
from holistic.lenses._work import Scene, Work
from holistic.replacing import pace
from holistic.study import models
from holistic.study.datasets import Labelled, load_data
from holistic.study.splits import limited
from holistic.study.weights import load_weights, save_weights

__all__ = ["main"]

_QUICK_IMAGES = 1000


def subject_of(name: str, most: int | None, sites: str | None) -> holistic.Subject:
    """Return a trained model of the zoo with its data."""
    if name == "resnet18":
        from benchmarks.resnet18 import subject

        return subject(sites)
    data_name, kind = name.split("-")
    data, path = load_data(data_name), CACHE / f"{name}.safetensors"
    model = models.build(kind, input_shape=tuple(data.test.images.shape[1:]), classes=10)
    if path.exists():
        load_weights(model, path)
    else:
        models.train(model, data.train, models.RECIPES[kind])
        CACHE.mkdir(exist_ok=True)
        save_weights(model, path, {"model": name})
    test = data.test
    if most and most < len(test):
        rows = torch.as_tensor(limited(test.labels, most, seed=0))
        test = Labelled(test.images[rows], test.labels[rows])
    pair = test.images, test.labels
    return holistic.Subject(model.eval(), pair, name=name, sites=[sites] if sites else None)


def measured(subject: holistic.Subject, lenses: Sequence[Lens]) -> dict[str, float]:
    """Seconds of the processor that each lens takes."""
    seconds, started = dict[str, float](), dict[str, float]()

    def follow(task: str, done: int, total: int) -> None:
        now = time.process_time()
        started.setdefault(task, now)
        if done >= total:
            seconds[task] = now - started[task]

    with tempfile.TemporaryDirectory() as folder:
        holistic.audit(subject, out=folder, lenses=lenses, progress=follow, anyway=True)
    return seconds


def main() -> None:
    """Print one line for each lens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sites")
    parser.add_argument("--lens", nargs="*")
    parser.add_argument("--only-expected", action="store_true")
    asked = parser.parse_args()
    pace.perf_counter = time.process_time  # what others do meanwhile doesn't count
    subject = subject_of(asked.name, _QUICK_IMAGES if asked.quick else None, asked.sites)
    lenses = chosen_lenses(asked.lens or None)
    if asked.quick:
        cut = quick_cut(subject, lenses)
        subject, lenses = cut.subject, cut.lenses
        print(cut.note)
    scene = Scene(subject, pace.measure_pace(subject))
    expected = {lens.name: lens.work(scene) or Work() for lens in lenses}
    took = {} if asked.only_expected else measured(subject, lenses)
    print(f"{asked.name}{' --quick' if asked.quick else ''}, {torch.get_num_threads()} threads")
    for name, work in (
        *expected.items(),
        ("all", Work({"": sum(w.total for w in expected.values())})),
    ):
        own = took.get(name, sum(took.get(n, 0.0) for n in expected))
        ratio = f"{work.total / own:8.2f}" if own else ""
        print(f"{name:<12}{work.total:10.1f} s expected {own:10.1f} s measured {ratio}", flush=True)


if __name__ == "__main__":
    main()
