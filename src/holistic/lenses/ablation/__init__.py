"""Removes units exactly, alone, in sets and in pairs: which neurons each class depends on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from holistic.graph import edits
from holistic.graph.torch_settings import settled
from holistic.lenses._contract import Context, Lens, setting

if TYPE_CHECKING:
    from holistic.lenses._work import Scene, Work
    from holistic.results.findings import Finding
    from holistic.study.subject import Subject

__all__ = ["Ablation"]


@dataclass(frozen=True)
class Ablation(Lens):
    """Exact removal of every unit, of growing sets of units, of pairs, and shares in the score."""

    name: ClassVar[str] = "ablation"
    question: ClassVar[str] = "which neurons does each class depend on?"

    edit: edits.Name = "mean"
    """What a removed unit holds instead, the name of an edit: mean is its class-balanced mean over
    the selection split, resample its values on random examples, optimal the constant that costs
    the model least."""
    depth: int = setting(50, 1, 10_000, quick=20, least=10)
    """Most units that the removal curves of `ablation.topk` go up to."""
    sets: int = setting(200, 20, 10_000, quick=50, least=30)
    """Random sets of units, and sets of like activation, that each removal is compared with."""
    ranking: Literal["effect", "class_minus_rest", "class_activation"] = "effect"
    """What orders the units of the whole curves, on the selection split."""
    partners: int = setting(10, 2, 1000, quick=4, least=2)
    """Strongest units of each site: their pairs are told by class, and their removal is searched
    for backups."""
    exact: bool = False
    """Replace every unit on every example, whatever it takes."""
    operations: float = setting(3e14, 0, 1e24, quick=1e12, least=5e10)
    """Floating-point operations that the replays of single units may take on each split (3e14 are
    an hour at 80 GFLOP/s); beyond, effects are estimates from a sample, and say so."""
    deciding: int = setting(8, 1, 1000)
    """Units of each site that are told of for each image of `ablation.images`."""
    all_pairs: int = setting(256, 2, 4096, quick=64, least=16)
    """Largest site of which all pairs are measured; of a larger one, pairs of strong units."""
    permutations: int = setting(100, 20, 100_000, quick=20)
    """Orders of removal that Shapley values are averaged over."""
    truncation: float = setting(0.02, 0, 1)
    """Share of what a site does to the scores at which the rest of an order is cut off."""
    familywise: int = setting(1000, 0, 100_000, quick=200)
    """Sign flips behind the family-wise p of `ablation.scores`; 0 leaves it out."""
    examples: int = setting(1000, 50, 10_000_000, quick=100, least=50)
    """Most evaluation examples, stratified, of the measurements beyond `units` and `topk`."""
    fewest: int = setting(50, 10, 10_000_000, quick=50, least=20)
    """Fewest of them, whatever they cost (`topk` takes twice as many, and replays of single units
    two fifths as many of each class)."""
    budget: float = setting(100.0, 0, 1e9, quick=1.0, least=0.1)
    """Gigabytes of values that the curves of one site may write, ten operations counting as a byte
    (more than three sites share what three have); a site that needs more is measured at fewer
    sizes and on fewer evaluation examples, and says so. A core manages 1 to 4 a second."""
    extra: float = setting(16.0, 0, 1e9, quick=0.5)
    """Gigabytes, counted likewise, that each further measurement may write, over all sites: more
    sites or costlier ones are measured on fewer examples, down to `fewest`, and each row says on
    how many."""
    overrun: float = setting(1e6, 1, 1e24, quick=1e4, least=20.0)
    """How many times its part of `extra` a further measurement may write at a site even on the
    fewest examples; where it would write more it is left out, and says so."""

    @settled(gradients=True)
    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Yield the tables of single units, of sets, of pairs and of shares."""
        from holistic.lenses.ablation.backup import find_backups
        from holistic.lenses.ablation.confusion import confused
        from holistic.lenses.ablation.curves import whole_curves
        from holistic.lenses.ablation.images import deciding_units
        from holistic.lenses.ablation.interactions import find_interactions
        from holistic.lenses.ablation.replacements import compare_replacements
        from holistic.lenses.ablation.scores import score_units
        from holistic.lenses.ablation.shapley import share_out
        from holistic.lenses.ablation.topk import remove_sets
        from holistic.lenses.ablation.units import remove_units
        from holistic.replacing import affordable_sweep

        progress = context.progress
        allowed = float("inf") if self.exact else self.operations
        chosen, _ = affordable_sweep(
            subject,
            self.edit,
            operations=allowed,
            split="selection",
            fewest=self.fewest,
            progress=progress,
        )
        units = remove_units(subject, self, chosen, progress)
        yield units
        yield confused(subject)
        yield deciding_units(subject, self, units.table)
        yield score_units(subject, self, progress)
        yield compare_replacements(subject, self, progress)
        yield from remove_sets(subject, self, chosen, progress)
        yield from whole_curves(subject, self, chosen, progress)
        yield find_interactions(subject, self, chosen, progress)
        yield from find_backups(subject, self, chosen, progress)
        yield share_out(subject, self, units.table, progress)

    def work(self, scene: Scene) -> Work:
        """Count what the lens is going to take with these settings."""
        from holistic.lenses.ablation._work import work

        return work(scene, self)
