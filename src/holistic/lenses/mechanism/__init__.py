"""How do neurons work together: in pairs, in clusters, from layer to layer?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from holistic.errors import SettingError
from holistic.findings import Finding
from holistic.lens import Context, Lens

if TYPE_CHECKING:
    from holistic.subject import Subject

__all__ = ["Mechanism"]

_FEWEST = {
    "shuffles": 1,
    "untrained_copies": 20,
    "draws": 20,
    "clustered_units": 4,
    "edge_units": 1,
}


@dataclass(frozen=True)
class Mechanism(Lens):
    """How do neurons work together: in pairs, in clusters, from layer to layer?"""

    name: ClassVar[str] = "mechanism"
    question: ClassVar[str] = "how do neurons work together?"
    needs: ClassVar[tuple[str, ...]] = ()

    threshold: float = 0.5
    """Correlation above which a pair of units is counted and listed."""
    shuffles: int = 3
    """Shuffles of the values behind the control of the counted pairs."""
    untrained_copies: int = 20
    """Untrained copies behind the control of counted pairs and of clusters; 20 or more."""
    untrained_examples: int = 500
    """Examples of the selection split that they are read on, at most."""
    most_units: int = 2048
    """Units that are correlated at most, over all sites; those that vary most are kept."""
    most_clusters: int = 12
    """Largest number of clusters that is tried; the smallest is 2."""
    draws: int = 30
    """Shuffles and resamples behind the choice of the number of clusters; 20 or more."""
    clustered_units: int = 1024
    """Units that are clustered at most in one site; those that vary most are kept."""
    clustered_examples: int = 2000
    """Examples of each split that clusters are chosen on and measured on, at most."""
    probe_examples: int = 5000
    """Examples of each split that probes are trained on and scored on, at most."""
    probe_features: int = 1024
    """Features of a site that a probe reads at most; larger sites are averaged over positions."""
    probe_penalty: float = 0.01
    """Penalty on half the squared weights of a probe, beside its mean loss in nats."""
    geometry_examples: int = 2000
    """Evaluation examples of CKA, NC1 and participation ratio, at most."""
    edge_units: int = 16
    """Units of each site whose edges to the next site are measured, and as many random ones."""
    edges: int = 200
    """Edges that are kept between two sites, and as many random ones."""
    edge_examples: int = 2000
    """Examples of each split that edges are chosen on and measured on, at most."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise SettingError(f"threshold {self.threshold} isn't a correlation between 0 and 1")
        if self.probe_penalty <= 0:
            raise SettingError(f"probe_penalty {self.probe_penalty} must be above 0")
        for name in (
            "shuffles untrained_copies untrained_examples most_units most_clusters draws "
            "clustered_units clustered_examples probe_examples probe_features geometry_examples "
            "edge_units edges edge_examples"
        ).split():
            fewest = _FEWEST.get(name, 2)
            if getattr(self, name) < fewest:
                raise SettingError(f"{name} {getattr(self, name)} must be {fewest} or more")

    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Find correlated pairs, clusters, what each site knows of the class, and edges."""
        from holistic.lenses.mechanism.clusters import clusters
        from holistic.lenses.mechanism.columns import columns_of
        from holistic.lenses.mechanism.edges import edges
        from holistic.lenses.mechanism.flow import flow, read_sites
        from holistic.lenses.mechanism.pairs import pairs
        from holistic.lenses.mechanism.paths import paths
        from holistic.lenses.mechanism.untrained import copies, copies_of

        told = context.progress
        columns = columns_of(subject, self.most_units)
        made = copies(subject, settings=self)
        shown = copies_of(subject, made, columns, settings=self, progress=told)
        yield pairs(subject, columns, shown, settings=self, progress=told)
        yield clusters(subject, shown, settings=self, progress=told)
        untrained = subject.untrained(subject.seed)
        reading = read_sites(subject, untrained, settings=self, progress=told)
        yield flow(subject, reading)
        yield paths(subject, reading)
        yield edges(subject, settings=self, progress=told)
