"""The lens `mechanism`: how neurons work together in pairs, in clusters, from layer to layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from holistic.graph.torch_settings import settled
from holistic.lenses._contract import Context, Lens, setting
from holistic.results.findings import Finding

if TYPE_CHECKING:
    from holistic.lenses._work import Scene, Work
    from holistic.study.subject import Subject

__all__ = ["Mechanism"]


@dataclass(frozen=True)
class Mechanism(Lens):
    """How do neurons work together: in pairs, in clusters, from layer to layer?"""

    name: ClassVar[str] = "mechanism"
    question: ClassVar[str] = "how do neurons work together?"
    needs: ClassVar[tuple[str, ...]] = ()

    threshold: float = setting(0.5, 0, 0.999_999, above=True)
    """Correlation above which a pair of units is counted and listed."""
    shuffles: int = setting(3, 1, 10_000, quick=1)
    """Shuffles of the values behind the control of the counted pairs."""
    controls: int = setting(20, 20, 10_000)
    """Randomly initialised controls of counted pairs and of clusters; 20 or more."""
    control_examples: int = setting(500, 2, 10_000_000, quick=100, least=60)
    """Examples of the selection split that they are read on, at most."""
    most_units: int = setting(100_000, 2, 1_000_000, quick=512)
    """Units that are correlated at most, over all sites; those that vary most are kept."""
    listed_units: int = setting(2048, 2, 20_000)
    """Units over all sites up to which all pairs are listed, and each site's matrix is kept."""
    partners: int = setting(10, 1, 1000)
    """Pairs that are listed of each unit where there are more units: the strongest ones."""
    most_clusters: int = setting(12, 2, 1000)
    """Largest number of clusters that is tried; the smallest is 2."""
    draws: int = setting(30, 20, 10_000, quick=20)
    """Shuffles and resamples behind the choice of the number of clusters; 20 or more."""
    clustered_units: int = setting(1024, 4, 20_000, quick=256)
    """Units that are clustered at most in one site; those that vary most are kept."""
    clustered_examples: int = setting(2000, 2, 10_000_000, quick=300, least=150)
    """Examples of each split that clusters are chosen on and measured on, at most."""
    probe_examples: int = setting(5000, 2, 10_000_000, quick=500, least=150)
    """Examples of each split that probes are trained on and scored on, at most."""
    probe_features: int = setting(1024, 2, 100_000, quick=256)
    """Features of a site that a probe reads at most; larger sites are averaged over positions."""
    probe_penalty: float = setting(0.01, 0, 1e6, above=True)
    """Penalty on half the squared weights of a probe, beside its mean loss in nats."""
    geometry_examples: int = setting(2000, 2, 20_000, quick=500, least=150)
    """Evaluation examples of CKA, NC1 and participation ratio, at most."""
    edge_units: int = setting(16, 1, 1000, quick=4, least=2)
    """Units of each site whose edges to the next site are measured, and as many random ones."""
    edges: int = setting(200, 2, 1_000_000)
    """Edges that are kept between two sites, and as many random ones."""
    edge_examples: int = setting(2000, 2, 10_000_000, quick=200, least=80)
    """Examples of each split that edges are chosen on and measured on, at most."""

    @settled(gradients=True)
    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Find correlated pairs, clusters, what each site knows of the class, and edges."""
        from holistic.lenses._untrained import fresh_control
        from holistic.lenses.mechanism._columns import columns_of
        from holistic.lenses.mechanism._untrained import copies, copies_of
        from holistic.lenses.mechanism.clusters import clusters
        from holistic.lenses.mechanism.edges import edges
        from holistic.lenses.mechanism.flow import flow, read_sites
        from holistic.lenses.mechanism.pairs import pairs
        from holistic.lenses.mechanism.paths import paths

        progress = context.progress
        columns = columns_of(subject, self.most_units)
        drawn = copies(subject, settings=self)
        control = copies_of(subject, drawn, columns, settings=self, progress=progress)
        yield pairs(subject, columns, control, settings=self, progress=progress)
        yield clusters(subject, control, settings=self, progress=progress)
        fresh = fresh_control(subject, subject.seed)
        reading = read_sites(subject, fresh, settings=self, progress=progress)
        yield flow(subject, reading)
        yield paths(subject, reading)
        yield edges(subject, settings=self, progress=progress)

    def work(self, scene: Scene) -> Work:
        """Count what the lens is going to take with these settings."""
        from holistic.lenses.mechanism._work import work

        return work(scene, self)
