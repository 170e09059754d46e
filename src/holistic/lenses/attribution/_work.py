"""Counts what the lens is going to take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holistic.attributing.method import no_gradients
from holistic.attributing.registry import METHODS
from holistic.lenses._pictures import are_pictures, drawn_as_pictures
from holistic.lenses._work import MEGABYTE, Scene, Work
from holistic.lenses.attribution._baselines import FEW
from holistic.lenses.attribution._label_views import COLUMNS, VIEWS
from holistic.lenses.attribution._maps import chosen_methods, settings_of
from holistic.lenses.attribution._trust_measures import SHARES
from holistic.lenses.attribution.contrasts import PAIRS, most_pairs
from holistic.lenses.attribution.evidence import SIDES
from holistic.lenses.attribution.labels import feature_count
from holistic.lenses.attribution.regions import TRIALS, images_of
from holistic.lenses.attribution.shortcuts import CLASSES, RUNS, TRIED
from holistic.lenses.attribution.strategies import STEPS
from holistic.lenses.attribution.strategies import images_of as strategy_images
from holistic.lenses.attribution.trust import trusted_images
from holistic.replacing.budget import afforded, model_work

if TYPE_CHECKING:
    from holistic.lenses.attribution import Attribution

__all__ = ["work"]

_GROWN, _GROWN_PIXEL = 4e-5, 1.5e-7
"""Seconds for a region that is made elsewhere on an image, and for each pixel of it."""
_COMPARED, _SUSPECTED = 6e-7, 0.1
"""Seconds for a pixel of an image that is compared with the class's, and for a class's suspects."""
_MAPS, _STEPPED, _SORTED, _TRACED, _REST = 4e-9, 5e-6, 9e-8, 0.02, 0.8
"""Seconds beside the model: for a pixel of a map at each step, for an image there, for a pixel that
is put in order, for an operation of a control, and for what is loaded and written."""

_REMADE = 8
"""Maps that are made of an image: once, in three draws of noise, of two stages of two networks."""
_FITTED, _DRAWN, _SOLVED, _SKETCHED = 2.5e-10, 6e-11, 1e-9, 4e-9
"""Seconds beside the model: for two features of an example, for a number that goes into one, for
three features, and for a number of an input."""


def work(scene: Scene, lens: Attribution) -> Work:
    """Seconds of each of the lens's tasks, and the memory that it takes."""
    subject, (_, count) = scene.subject, scene.counts
    pixels = subject.images[0].numel()
    n, shown = min(lens.examples, count), min(20, scene.classes)
    runs, each = _erased(scene, lens, shown)
    each = min(each, count // max(1, scene.classes))
    chosen = chosen_methods(subject, lens)
    methods = len(chosen)
    steps, followed = 0, 0  # runs of the model, and those of them that have a gradient
    for method in chosen:
        runs_of = method.runs(settings_of(method, lens))
        steps += runs_of
        followed += runs_of * (no_gradients in method.needs)
    mapped = 3 * n + 3 * shown
    mapped += 4 * min(FEW, max(4, n // 4))  # from each baseline
    curves = (methods + 1 + lens.random_orders) * 2 * lens.fractions * n
    few_pairs = min(most_pairs(subject, lens), scene.classes * (scene.classes - 1) // 2)
    pairs = 2 * min(few_pairs, max(PAIRS, shown))  # about as many are nearest rivals, or confused
    few = min(max(2, lens.examples // 4), count // max(1, scene.classes))
    made = scene.forward(60) + scene.sums(
        _TRACED * len(subject.all_sites) + 1e-4 * sum(scene.counts)
    )
    further = min(lens.further_images, count)
    few_maps, blanked = further * _REMADE, further * (methods + 2) * 8 * 4
    sums = scene.sums

    def run(count: int) -> float:
        return scene.backward(count * followed) + scene.forward(count * (steps - followed))

    labelled, kept = _labelled(scene, lens)
    looked = _looked(scene, lens) if drawn_as_pictures(subject) else {}
    if looked and not METHODS["integrated_gradients"].refusal(subject):
        looked |= _parted(scene, lens, shown)
    trusted, seen = 0, 0
    if subject.input_kind.pictures:
        seen = min(trusted_images(subject, lens), count)
        trusted = seen * (8 * len(SHARES) * (methods + 3) + 300)
    return Work(
        looked
        | labelled
        | {
            "erasing windows": scene.forward(runs * each)
            + sums(2e-9 * runs * each * pixels)
            + made,
            "erasing regions": _regions(scene, lens, shown),
            "attribution maps": run(mapped)
            + sums(mapped * steps * (_STEPPED + _MAPS * pixels) + _REST),
            "removing pixels": scene.forward(curves)
            + sums(3e-9 * curves * pixels + _SORTED * curves / lens.fractions * pixels + 0.05),
            "further tests": run(few_maps)
            + scene.forward(blanked + 24 * further)
            + sums(few_maps * steps * (_STEPPED + _MAPS * pixels) + 1e-7 * blanked * pixels),
            "trust in maps": run(seen)
            + scene.forward(trusted)
            + sums(seen * steps * (_STEPPED + _MAPS * pixels) + 3e-8 * trusted * pixels),
            "contrasting classes": scene.backward(pairs * few * 2 * lens.steps)
            + scene.forward(pairs * 200)
            + sums(_SORTED * pairs * 200 * pixels + 0.15),
        },
        MEGABYTE * 60 + kept + 4 * pixels * (mapped * 2 * methods + 512 * 3),
    )


def _labelled(scene: Scene, lens: Attribution) -> tuple[dict[str, float], int]:
    """Seconds of judging labels, and the bytes of what they are judged by."""
    n, inputs = sum(scene.counts), scene.subject.images[0].numel()
    width = feature_count(lens.label_features, n)
    fits = n * width * (_FITTED * width + _DRAWN * COLUMNS) + _SOLVED * width**3
    seconds = scene.forward(n) + scene.sums(VIEWS * fits + _SKETCHED * n * inputs + 0.05)
    return {"judging labels": seconds}, 4 * n * (VIEWS * COLUMNS + 3 * width)


def _regions(scene: Scene, lens: Attribution, shown: int) -> float:
    """Seconds of finding and erasing regions."""
    subject, (chosen, count) = scene.subject, scene.counts
    sought, tested = images_of(subject, lens, shown)
    sought = min(sought, chosen // max(1, scene.classes))
    tested = min(tested, count // max(1, scene.classes))
    grown = lens.regions * tested * lens.region_draws * shown
    runs = shown * sought * TRIALS + grown + lens.regions * tested * shown
    pixels = subject.images[0].numel()
    return scene.forward(runs) + scene.sums(
        (_GROWN + _GROWN_PIXEL * pixels) * grown + 2e-9 * runs * pixels + 0.1
    )


def _looked(scene: Scene, lens: Attribution) -> dict[str, float]:
    """Seconds of looking for shortcuts: of trials, and of comparing pixels' distributions."""
    subject, (chosen, count) = scene.subject, scene.counts
    classes = min(CLASSES, scene.classes)
    cost = model_work(subject) * RUNS * classes
    most = afforded(lens.shortcut_work, cost, least=4, most=TRIED)
    runs = classes * (16 * most + 8 * 6 * min(lens.shortcut_images, chosen)) + chosen + count
    compared = classes * min(chosen, 600) * subject.images[0].numel()
    rest = _COMPARED * compared + _SUSPECTED * classes
    return {"looking for shortcuts": scene.forward(runs) + scene.sums(rest)}


def _parted(scene: Scene, lens: Attribution, shown: int) -> dict[str, float]:
    """Seconds of telling strategies apart; hardly any class has places to be erased."""
    most = strategy_images(scene.subject, lens, shown)
    maps = sum(min(most * shown, count) for count in scene.counts)
    seconds = scene.backward(maps * STEPS) + scene.sums(maps * STEPS * _STEPPED)
    return {"telling strategies apart": seconds}


def _erased(scene: Scene, lens: Attribution, shown: int) -> tuple[int, int]:
    """Runs of a class's images with a window erased or added, and how many images of a class."""
    subject, runs, each = scene.subject, 0, 0
    for side in SIDES:
        windows = (
            side * side if are_pictures(subject.images) else min(196, subject.images[0].numel())
        )
        runs = 2 * 2 * windows * shown
        work = model_work(subject) * runs
        each = afforded(lens.evidence_work, work, least=8, most=lens.evidence_images)
        if work * min(20, lens.evidence_images) <= lens.evidence_work:
            break
    return runs, each
