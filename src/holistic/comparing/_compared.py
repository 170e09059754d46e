"""The audits of a comparison, checked to be of the same classes, inputs and examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np

from holistic.comparing._layers import Places, common_sites, in_common, joined_sites
from holistic.errors import AuditError, listed
from holistic.report.claims import claims
from holistic.report.saved import Audit, load
from holistic.results.claims import Claim
from holistic.results.findings import Finding
from holistic.results.layers import layer_names, layers_of
from holistic.results.shared import EXAMPLES, VALUES

__all__ = ["Compared", "Pair", "opened"]

_PAIRS = 15
"""Pairs of audits that are looked at; of more audits each is compared with the first."""


@dataclass(frozen=True)
class Pair:
    """Two of the audits, and the rows of `sites.examples` of the examples that they share.

    Attributes
    ----------
    first, second
        The audits.
    names
        What they are called.
    places
        By site of each its name in the comparison.
    rows
        Row of each shared example in either table, `[S]` each, in the same order.
    """

    first: Audit
    second: Audit
    names: tuple[str, str]
    places: tuple[Places, Places]
    rows: tuple[np.ndarray, np.ndarray]

    def values(self, place: int, other: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What units of a hidden site of each hold on the examples that both kept values of.

        Returns
        -------
        tuple of np.ndarray
            `[V, U]` of the first, `[V, W]` of the second, and the examples' classes `[V]`.
        """
        one, two = (
            audit.finding(EXAMPLES.name).arrays[f"{VALUES}.{at}"]
            for audit, at in ((self.first, place), (self.second, other))
        )
        kept = (self.rows[0] < len(one)) & (self.rows[1] < len(two))
        labels = self.first[EXAMPLES.name].column("class")[self.rows[0][kept]]
        return one[self.rows[0][kept]], two[self.rows[1][kept]], labels


@dataclass(frozen=True)
class Compared:
    """Audits of the same classes and inputs that share examples, with short names."""

    audits: tuple[Audit, ...]
    names: tuple[str, ...]

    @cached_property
    def claims(self) -> tuple[tuple[Claim, ...], ...]:
        """What each audit claims, or could, in the comparison's names of sites and layers."""
        return tuple(
            tuple(in_common(one, places, layer_names(audit), self.layers) for one in claims(audit))
            for audit, places in zip(self.audits, self.places, strict=True)
        )

    @cached_property
    def places(self) -> tuple[Places, ...]:
        """By site of each audit its name in the comparison: one name is one place in all."""
        return common_sites(self.audits, self.names)

    @cached_property
    def sites(self) -> Finding | None:
        """The sites of all audits by their names in the comparison; None where none lists them."""
        return joined_sites(self.audits, self.places, self.names)

    @cached_property
    def layers(self) -> dict[str, str]:
        """Name of each layer, by its site's name in the comparison."""
        return layers_of(self.sites.table) if self.sites else {}

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Every two audits, or each with the first where there are many."""
        places = list(combinations(range(len(self.audits)), 2))
        if len(places) > _PAIRS:
            places = [(0, i) for i in range(1, len(self.audits))]
        return tuple(self._pair(i, j) for i, j in places)

    def _pair(self, i: int, j: int) -> Pair:
        one, two = self.audits[i], self.audits[j]
        return Pair(
            one,
            two,
            (self.names[i], self.names[j]),
            (self.places[i], self.places[j]),
            _shared_rows(one, two),
        )

    @cached_property
    def shared(self) -> float:
        """Part of their evaluation examples that two audits share, mean over pairs."""
        found = list[float]()
        splits = [_evaluation(audit) for audit in self.audits]
        for one, two in combinations(splits, 2):
            found.append(len(one & two) / max(1.0, np.sqrt(len(one) * len(two))))
        return float(np.mean(found)) if found else 1.0

    @property
    def builds(self) -> int:
        """How many architectures there are, told apart by their hidden sites."""
        pairs = zip(self.audits, self.places, strict=True)
        return len({tuple(places[s] for s in self.hidden(audit)) for audit, places in pairs})

    def hidden(self, audit: Audit) -> list[str]:
        """Names of the hidden sites of an audit, in the order of their values."""
        return [str(row["site"]) for row in audit["sites"].sort("depth").rows() if row["hidden"]]


def opened(given: Sequence[Audit | str | Path], names: Sequence[str] = ()) -> Compared:
    """Open audits and find out whether they can be compared.

    Raises
    ------
    AuditError
        If there are fewer than two, one is given twice, or they are of different classes, inputs,
        scores or examples: what can't be compared is said.
    """
    audits = [one if isinstance(one, Audit) else load(one) for one in given]
    if len(audits) < 2:
        raise AuditError(
            f"a comparison needs two audits or more, got {len(audits)}; "
            "give their folders: holistic compare runs/a runs/b"
        )
    called = list(names) or _short(audits)
    kept = [audit.kept_while_read() for audit in audits]
    first = kept[0]
    for i, audit in enumerate(kept):
        for j in range(i):
            if kept[j].provenance["key"] == audit.provenance["key"]:
                raise AuditError(
                    f"'{called[j]}' and '{called[i]}' are the same audit, so nothing differs; "
                    "compare audits of other trainings"
                )
        _check_like(first, audit, (called[0], called[i]))
    return Compared(tuple(kept), tuple(called))


def _short(audits: Sequence[Audit]) -> list[str]:
    """Name audits by their folders, and by as much of the way there as tells them apart."""
    parts = [audit.path.resolve().parts for audit in audits]
    for length in range(1, max(map(len, parts)) + 1):
        found = ["/".join(part[-length:]) for part in parts]
        if len(set(found)) == len(found):
            return found
    return [f"{audit.path.name} ({i})" for i, audit in enumerate(audits, 1)]


def _check_like(first: Audit, other: Audit, names: tuple[str, str]) -> None:
    """Refuse audits whose numbers aren't of the same thing."""
    whose = f"'{names[0]}' and '{names[1]}'"
    ours, theirs = (list(audit.provenance.get("classes", [])) for audit in (first, other))
    if ours != theirs:
        only = [*dict.fromkeys([*(set(ours) ^ set(theirs))])] or ["their order"]
        raise AuditError(
            f"{whose} are of different classes ({listed(sorted(map(str, only)))}): no statement on "
            "a class can be compared; audit both models on the same classes"
        )
    scores = [audit.provenance.get("score") for audit in (first, other)]
    if scores[0] != scores[1]:
        raise AuditError(
            f"{whose} measure effects in different scores ('{scores[0]}' and '{scores[1]}'): no "
            "effect can be compared; run one again with the other's --score"
        )
    for audit, name in zip((first, other), names, strict=True):
        if EXAMPLES.name not in audit.names:
            raise AuditError(
                f"'{name}' doesn't say which examples it is of, as audits of older versions don't: "
                "neither accuracy nor units can be compared; run that audit again"
            )
    if first is not other and not len(_shared_rows(first, other)[0]):
        raise AuditError(
            f"{whose} share no example: neither accuracy, units nor layers can be compared; audit "
            "both models on the same data, prepared alike"
        )


def _shared_rows(one: Audit, two: Audit) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the examples that are in both, in the order of the first."""
    digests = [audit[EXAMPLES.name].cells("digest") for audit in (one, two)]
    place = {digest: i for i, digest in enumerate(digests[1])}
    pairs = [(i, place[digest]) for i, digest in enumerate(digests[0]) if digest in place]
    found = np.array(pairs, int).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _evaluation(audit: Audit) -> set[str]:
    return set(audit[EXAMPLES.name].where(split="evaluation").cells("digest"))
