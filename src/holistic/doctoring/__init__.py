"""Tries the verdicts on networks whose answers are known: can they be believed?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from holistic.named import named

if TYPE_CHECKING:
    from holistic.doctoring._checkup import Checkup
    from holistic.doctoring.truths import Tally
    from holistic.progress import Progress
    from holistic.results.findings import Finding
    from holistic.study.subject import Subject

__all__ = ["doctor"]


@named
def doctor(
    like: Subject | None = None,
    *,
    out: str | Path | None = None,
    seed: int = 0,
    repeats: int = 1,
    progress: Progress | None = None,
) -> Checkup:
    """Ask every verdict about networks whose answers are known, on this machine.

    Answers are planted into small networks of many kinds; the lenses study them, and it is counted
    what each verdict finds, and what it names wrongly. Then tests are run where nothing is to be
    found, intervals are drawn where the truth is known, and the fast engine is compared with
    hooks.

    Parameters
    ----------
    like
        A model with its data: answers are planted into copies of it, too, so that error rates are
        those of its architecture; it isn't changed.
    out
        Folder to save the findings in, with a report; nothing is saved by default.
    seed
        Decides data, weights and draws.
    repeats
        How often each truth is planted anew.
    progress
        Called with a task, the steps done and the steps in all; by default nobody is told.

    Returns
    -------
    Checkup
        `healthy`, `failures` and the tables; `print` it to read it.

    Raises
    ------
    SettingError
        If an argument isn't what is described here.
    AuditError
        If the folder is taken by something else.
    """
    from holistic.arguments import check_subject, checked_seed, whole
    from holistic.doctoring._checkup import Checkup
    from holistic.doctoring.truths import NETWORKS
    from holistic.progress import silent

    if like is not None:
        check_subject(like)
    seed, repeats = checked_seed(seed), whole(repeats, "repeats", 1, 1000)
    start, say = perf_counter(), progress or silent
    notes = list[str]()
    findings = _findings(like, (seed, repeats), say, notes)
    words = NETWORKS if like is None else f"{like.name} and {NETWORKS}"
    checkup = Checkup(findings, words, perf_counter() - start, notes)
    if out is not None:
        from holistic.doctoring._saving import save

        save(checkup, Path(out), seed=seed)
    return checkup


def _findings(
    like: Subject | None, draws: tuple[int, int], say: Progress, notes: list[str]
) -> dict[str, Finding]:
    """Run all parts; `draws` are the seed and how often truths are planted."""
    from holistic.doctoring.coverage import coverage
    from holistic.doctoring.engine import engine, reference_networks
    from holistic.doctoring.environment import environment
    from holistic.doctoring.rates import rates
    from holistic.doctoring.truths import asked, truths
    from holistic.doctoring.zoo import TRUTHS

    seed, repeats = draws
    found = _grafted(like, seed, say, notes)
    found += asked(TRUTHS, seed=seed, repeats=repeats, progress=say)
    networks = reference_networks(seed) if like is None else {like.name: like}
    made = (
        *truths(found),
        rates(_twins(like, seed), say),
        coverage(seed),
        engine(networks, say),
        environment(seed),
    )
    return {finding.name: finding for finding in made}


def _grafted(like: Subject | None, seed: int, say: Progress, notes: list[str]) -> list[Tally]:
    """What verdicts say of answers in copies of a model; what can't be planted goes to `notes`."""
    from holistic.doctoring.grafting import grafts
    from holistic.doctoring.truths import Tally, tally

    found = list[Tally]()
    for place, one in enumerate(() if like is None else grafts(like, seed)):
        if isinstance(one, str):
            notes.append(one)
            continue
        [name, *_] = (planted.subject.name for planted in one.planted)
        found += tally(one.planted, one.truth, perf_counter(), network=name)
        say(f"planted in {name}", place + 1, place + 1)
    return found


def _twins(like: Subject | None, seed: int) -> list[tuple[str, Subject, Sequence[str]]]:
    """Networks in which there is nothing to find, by name, with the tests that are made."""
    from holistic.doctoring.rates import CLUSTERS, shuffled
    from holistic.doctoring.zoo.layouts import clusters, directions

    own = directions(seed)[0].subject if like is None else like
    grouped = clusters(seed)[0].subject
    return [
        ("labels shuffled", shuffled(own, seed), ()),
        ("untrained", shuffled(own, seed, trained=False), ()),
        *(("labels shuffled", shuffled(grouped, seed + k), (CLUSTERS,)) for k in range(3)),
    ]
