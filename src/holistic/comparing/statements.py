"""Asks every audit the same statements, and estimates which of them the next training bears out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from holistic.comparing._compared import Compared
from holistic.comparing.schemas import (
    ANSWERS,
    KINDS,
    STATEMENTS,
    VERDICTS,
    Answer,
    KindOfStatement,
    Statement,
)
from holistic.lenses._parts import known
from holistic.results.claims import Claim
from holistic.results.columns import Estimate
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.stats.intervals import standard_error
from holistic.stats.trainings import (
    OverTrainings,
    chance_of_next,
    chance_of_unanimous,
    limits,
    over_trainings,
)
from holistic.words import counted, named, sentence

__all__ = ["Asked", "asked_of", "judged", "statements"]

_SURE = 0.95
"""Chance in the next training from which on a statement is said to replicate."""
_UNTOLD = -1


@dataclass(frozen=True)
class Asked:
    """One statement, what each audit claims of it (None where it has no such finding)."""

    about: str
    claims: tuple[Claim | None, ...]
    layers: Mapping[str, str]

    @property
    def kind(self) -> str:
        """What is stated, without the class and the layer."""
        words, of = self.about.removesuffix("."), self.first
        if of.class_:
            words = words.replace(named(of.class_), "a class")
        if of.site:
            words = words.replace(self.layers.get(of.site, of.site), "a layer")
        return sentence(words)

    @property
    def first(self) -> Claim:
        return next(claim for claim in self.claims if claim)

    @property
    def chooses(self) -> bool:
        return any(claim.answer for claim in self.claims if claim)

    @property
    def given(self) -> list[str | None]:
        """The answer of each audit: its own, yes or no; None where it couldn't tell."""
        return [
            None
            if claim is None or claim.holds is None
            else (claim.answer or "yes")
            if claim.holds
            else "no"
            for claim in self.claims
        ]

    @property
    def commonest(self) -> str:
        """The answer that most give, the first of as many; yes where there is no choice."""
        if not self.chooses:
            return "yes"
        counts = Counter(answer for answer in self.given if answer not in (None, "no"))
        return counts.most_common(1)[0][0] if counts else "no"

    @property
    def outcomes(self) -> np.ndarray:
        """1 where an audit gives the commonest answer, 0 where another; NaN where none."""
        return np.array(
            [np.nan if own is None else float(own == self.commonest) for own in self.given]
        )

    @property
    def family(self) -> str:
        return f"{self.first.finding} {'which' if self.chooses else self.first.unit}"


def statements(compared: Compared) -> tuple[Finding, ...]:
    """Return `compare.statements`, `compare.kinds` and `compare.answers`."""
    asked = asked_of(compared.claims, compared.layers)
    rows = judged(asked, shared=compared.shared)
    rows.sort(key=lambda row: (VERDICTS.index(row.verdict), -known(row.chance)))
    table = Table.from_rows(Statement, rows)
    answers = [row for one in asked for row in _answers(one, compared.names)]
    return (
        Finding(STATEMENTS, table, _sentences(rows), _caveats(compared)),
        Finding(KINDS, Table.from_rows(KindOfStatement, list(_kinds(asked, compared.names)))),
        Finding(ANSWERS, Table.from_rows(Answer, answers)),
    )


def judged(asked: Sequence[Asked], *, shared: float) -> list[Statement]:
    """Say of each statement whether it replicates, with the number behind it.

    Parameters
    ----------
    asked
        The statements, asked of every audit.
    shared
        Part of their evaluation examples that two audits share.
    """
    chances = _chances(asked)
    return [
        _statement(one, float(chance), shared) for one, chance in zip(asked, chances, strict=True)
    ]


def _statement(one: Asked, chance: float, shared: float) -> Statement:
    outcomes, first, number = one.outcomes, one.first, _number(one, shared)
    counts = Counter(answer for answer in one.given if answer is not None)
    mean, lo, hi, next_lo, next_hi = (
        float(part[0])
        for part in (number.mean, number.lo, number.hi, number.next_lo, number.next_hi)
    )
    return Statement(
        one.about,
        one.kind,
        first.finding,
        first.class_,
        first.site,
        _verdict(outcomes, chance, len(one.claims)),
        one.commonest if one.chooses else "",
        ", ".join(f"{a} ({n})" for a, n in counts.most_common()) if one.chooses else "",
        int(np.nansum(outcomes)),
        int(np.isfinite(outcomes).sum()),
        chance,
        Estimate(mean, lo, hi, int(number.n[0])),
        first.unit,
        next_lo,
        next_hi,
    )


def asked_of(claims: Sequence[Sequence[Claim]], layers: Mapping[str, str]) -> list[Asked]:
    """Match what audits claim by what is stated; two of them must be able to tell.

    Parameters
    ----------
    claims
        What each audit claims, or could.
    layers
        Short name of each site.
    """
    own = [{(claim.about, claim.site): claim for claim in one} for one in claims]
    every = dict.fromkeys(at for one in own for at in one)
    found = [Asked(at[0], tuple(one.get(at) for one in own), layers) for at in every]
    return [one for one in found if np.isfinite(one.outcomes).sum() > 1]


def _number(one: Asked, shared: float) -> OverTrainings:
    """The number behind a statement, over the audits."""
    found = [claim.value if claim else Estimate(None) for claim in one.claims]
    values, lo, hi = (
        np.array([[known(getattr(of, part))] for of in found]) for part in ("value", "lo", "hi")
    )
    over = over_trainings(values, standard_error(lo, hi), shared=shared)
    return over.within(*limits(one.first.unit, values, lo, hi))


def _chances(asked: Sequence[Asked]) -> np.ndarray:
    """Chance of each statement in the next training, by its margins, or by its kind's record.

    A kind's record is how often trainings that were left out by turns bear out what all others
    agree on; where they don't agree, what counts is how many do.
    """
    if not asked:
        return np.zeros(0)
    margins = np.array(
        [[known(claim.margin if claim else None) for claim in one.claims] for one in asked]
    ).T  # [n, M]
    outcomes = np.array([one.outcomes for one in asked])  # [M, n]
    # a margin says nothing where more than it decides
    decides = ((margins.T > 0) == (outcomes > 0)).all(1) & np.isfinite(margins).all(0)
    whole = decides & ~np.array([one.chooses for one in asked])
    families = np.array([one.family for one in asked])
    chances = np.full(len(asked), np.nan)
    if whole.any():
        chances[whole] = chance_of_next(margins[:, whole], families[whole])
    n, agreeing = np.isfinite(outcomes).sum(1), np.nansum(outcomes, 1)
    counted_ones = (agreeing + 0.5) / (n + 1)
    for family in np.unique(families[~whole]):
        mine = (families == family) & ~whole
        rate = chance_of_unanimous(_codes([one for one, m in zip(asked, mine, strict=True) if m]))
        unanimous = mine & (agreeing == n)
        chances[mine] = counted_ones[mine]
        if np.isfinite(rate):
            chances[unanimous] = np.maximum(rate, counted_ones[unanimous])
    return chances


def _codes(asked: Sequence[Asked]) -> np.ndarray:
    """Answers as whole numbers `[n, M]`, below 0 where an audit couldn't tell."""
    rows = list[list[int]]()
    for one in asked:
        names = list(dict.fromkeys(answer for answer in one.given if answer is not None))
        rows.append([_UNTOLD if own is None else names.index(own) for own in one.given])
    return np.array(rows, int).T


def _verdict(outcomes: np.ndarray, chance: float, audits: int) -> str:
    outcome = outcomes[np.isfinite(outcomes)]
    if not outcome.any():
        return VERDICTS[3]
    if not outcome.all():
        return VERDICTS[2]
    return VERDICTS[0] if len(outcome) == audits and chance >= _SURE else VERDICTS[1]


def _answers(one: Asked, names: Sequence[str]) -> list[Answer]:
    return [
        Answer(
            one.about,
            name,
            float(outcome),
            claim.answer if claim else "",
            Estimate(claim.value.value, claim.value.lo, claim.value.hi)
            if claim
            else Estimate(None),
        )
        for name, claim, outcome in zip(names, one.claims, one.outcomes, strict=True)
    ]


def _kinds(asked: Sequence[Asked], names: Sequence[str]) -> Iterator[KindOfStatement]:
    """What each audit says to the statements of each kind, the most agreed on first."""
    found = dict[str, list[np.ndarray]]()
    for one in asked:
        found.setdefault(one.kind, []).append(one.outcomes)
    outcomes = {kind: np.array(own) for kind, own in found.items()}  # [M, n] each
    for kind in sorted(outcomes, key=lambda kind: -float(np.nanmean(outcomes[kind]))):
        for i, name in enumerate(names):
            own = outcomes[kind][:, i]
            there = own[np.isfinite(own)]
            share = float(there.mean()) if len(there) else np.nan
            yield KindOfStatement(kind, name, share, len(there))


def _sentences(rows: Sequence[Statement]) -> tuple[str, ...]:
    """List the statements of each verdict, with how many audits bear them out."""
    lines = list[str]()
    for verdict in VERDICTS:
        own = [row for row in rows if row.verdict == verdict]
        if own:
            head = f"{sentence(verdict)} ({counted(len(own), 'statement')} of {len(rows)})"
            lines.append(f"{head}: {'; '.join(map(_described, own))}.")
    return tuple(lines)


def _described(row: Statement) -> str:
    choice = f" ({row.answers})" if row.answers else ""
    return f"{row.about.rstrip('.')}{choice}: {row.audits} of {row.asked}"


def _caveats(compared: Compared) -> tuple[str, ...]:
    lines = [
        f"{len(compared.audits)} audits; two of them share {100 * compared.shared:.0f} % of their "
        "evaluation examples, which intervals take into account.",
        "A chance in the next training supposes that it is made like these: the same data, recipe "
        "and architecture, with another seed.",
    ]
    if compared.builds > 1:
        lines.append(
            f"The audits are of {compared.builds} architectures: a statement on one layer is asked "
            "only where that layer is the same operation, size and place."
        )
    weights = [audit.provenance.get("weights") for audit in compared.audits]
    if len(set(weights)) < len(weights):
        lines.append(
            "Some audits are of the same weights: between them only draws differ, not trainings."
        )
    settings = [audit.provenance.get("settings", {}) for audit in compared.audits]
    if any(own != settings[0] for own in settings):
        lines.append(
            "The audits have different lenses or settings, which makes numbers differ, too."
        )
    return tuple(lines)
