"""Shows first what replicates, what differs, and whether units and layers come again."""

from __future__ import annotations

from collections.abc import Iterator

from holistic.comparing._kinds import kinds
from holistic.comparing.briefs import drift, partners, similarity, statements
from holistic.comparing.schemas import VERDICTS
from holistic.results.folder import Folder
from holistic.results.layers import layer_names
from holistic.results.opening import Headline, Opening, Panel
from holistic.words import counted

__all__ = ["opening"]

_STATEMENTS = "compare.statements"
_HEADS = {
    VERDICTS[0]: ("replicates", "Holds in every training, and should in the next", 5),
    VERDICTS[2]: ("differs", "Is so in some trainings only", 4),
    VERDICTS[3]: ("in none", "Holds in no training", 2),
}
"""By verdict the name of its panel, its title, and how many kinds of statements it shows."""


def opening(audit: Folder) -> Opening:
    """Return the sentence on top, and panels for each verdict, units, layers and accuracy."""
    if _STATEMENTS not in audit:
        return Opening()
    headline = Headline(statements(audit.finding(_STATEMENTS), audit), _STATEMENTS, 1.0)
    return Opening(headline, panels=(*_verdicts(audit), *_others(audit)), picture="compare.kinds")


def _verdicts(audit: Folder) -> Iterator[Panel]:
    layers = layer_names(audit)
    for place, (verdict, (name, title, most)) in enumerate(_HEADS.items()):
        found = kinds(audit, verdict)
        lines = [kind.line(layers) for kind in found[:most]]
        if len(found) > most:
            left = len(found) - most
            lines.append(f"… and {counted(left, 'more kind')} of statements.")
        if lines:
            every = [row for kind in found for row in kind.rows]
            evidence = "; ".join(f"{row.about} {row.audits} of {row.asked}" for row in every)
            yield Panel(
                name,
                title,
                tuple(lines),
                _STATEMENTS,
                place,
                evidence=evidence,
                bare=True,
                listed=True,
            )


def _others(audit: Folder) -> Iterator[Panel]:
    for place, (name, title, finding, say) in enumerate(
        (
            ("units", "Do units come again?", "compare.matching", None),
            ("layers", "Are layers alike?", "compare.similarity", similarity),
            ("accuracy", "Does accuracy differ?", "compare.drift", drift),
        ),
        10,
    ):
        if finding in audit:
            lines = (
                partners(audit[finding], audit)
                if say is None
                else [say(audit.finding(finding), audit)]
            )
            yield Panel(name, title, tuple(lines), finding, place, bare=True)
