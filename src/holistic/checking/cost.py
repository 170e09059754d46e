"""What lenses are going to take: time and memory, and what would make it less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from holistic.checking.expected import REPORT, expected_seconds, scene_of
from holistic.checking.fitting import quick_cut
from holistic.errors import as_cause
from holistic.lenses._contract import Lens
from holistic.lenses._work import Scene, Work
from holistic.words import duration, gigabytes

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["Cost", "LensCost", "cost_of"]

_LONG = 180.0
"""Seconds of a run beyond which something cheaper is told."""


@dataclass(frozen=True)
class LensCost:
    """What one lens is going to take.

    Attributes
    ----------
    lens
        Its name.
    seconds
        None where nobody knows: the lens declares no work.
    memory
        Bytes that the whole process holds at most while it runs.
    tasks
        Seconds of each task.
    """

    lens: str
    seconds: float | None
    memory: float = 0.0
    tasks: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class Cost:
    """What a run is going to take.

    Attributes
    ----------
    lenses
        Each lens.
    cheaper
        Ways to make it less, with their seconds; none where it doesn't take long.
    note
        Why nothing is known, if so.
    """

    lenses: tuple[LensCost, ...] = ()
    cheaper: tuple[tuple[str, float], ...] = ()
    note: str = ""

    @property
    def seconds(self) -> float | None:
        """Seconds of the whole run, as far as known."""
        known = [one.seconds for one in self.lenses if one.seconds is not None]
        return sum(known) + REPORT if known else None

    def words(self) -> str:
        """Time and memory of the whole run."""
        if self.seconds is None:
            return self.note or "time not known"
        most = max(one.memory for one in self.lenses)
        return f"about {duration(self.seconds)}, {gigabytes(most)} of memory"

    def lines(self) -> list[str]:
        """Time and memory of each lens, where there are several."""
        if len(self.lenses) < 2 or self.seconds is None:
            return []
        width = max(len(one.lens) for one in self.lenses)
        return [
            f"{one.lens:<{width}} "
            + (
                f"{duration(one.seconds):>11}  {gigabytes(one.memory):>7}"
                if one.seconds is not None
                else "   not known"
            )
            for one in self.lenses
        ]


def cost_of(
    subject: Subject, lenses: Sequence[Lens], *, most: int | None = None, quick: bool = False
) -> Cost:
    """Measure a few passes and count what lenses are going to do.

    Parameters
    ----------
    subject, lenses
        What is going to be studied, and with which settings.
    most
        Examples that a quick run would study at most.
    quick
        Whether these are the settings of a quick run.
    """
    try:
        scene = scene_of(subject)
        resident = _resident()
        found = [_lens_cost(lens, lens.work(scene), resident) for lens in lenses]
        whole = Cost(tuple(found))
        if (whole.seconds or 0) < _LONG:
            return whole
        return Cost(whole.lenses, tuple(_cheaper(scene, lenses, most, quick=quick)))
    except Exception as error:  # no run ends because its time can't be told
        return Cost(note=f"time not known: {as_cause(error)}")


def _lens_cost(lens: Lens, work: Work | None, resident: float) -> LensCost:
    if work is None:
        return LensCost(lens.name, None, resident)
    return LensCost(lens.name, work.total, resident + work.memory, work.seconds)


def _cheaper(
    scene: Scene, lenses: Sequence[Lens], most: int | None, *, quick: bool
) -> list[tuple[str, float]]:
    """Ways to make a run take less time, and how long it takes then."""
    fewer, found = scene.limited(most) if most else scene, list[tuple[str, float]]()
    if not quick:
        found.append(("--quick", _quick_seconds(fewer, lenses)))
    if len(scene.sites) > 3 and (quick or found[-1][1] > _LONG):
        found.append(("--quick --sites '#-3:'", _quick_seconds(fewer.at(["#-3:"]), lenses)))
    return found


def _quick_seconds(scene: Scene, lenses: Sequence[Lens]) -> float:
    cut = quick_cut(scene.subject, lenses)
    return expected_seconds(replace(scene, subject=cut.subject), cut.lenses)


def _resident() -> float:
    """Bytes of memory that this process has resident at most; 0 where the system doesn't say."""
    try:
        import resource
        import sys
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else 1024 * peak)
