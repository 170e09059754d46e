"""Tries edits without an audit: what they do to each class, and what they would do elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from holistic.arguments import check_subject, whole
from holistic.errors import SettingError, explain_memory_errors
from holistic.graph.editing import Edit, checked_edits
from holistic.named import named
from holistic.progress import Progress, silent
from holistic.replacing.controls import Controls, draw_controls
from holistic.replacing.outcomes import checked_variants, outcomes
from holistic.replacing.tested import TESTED, tested_table
from holistic.results.findings import Finding
from holistic.results.tables import Table
from holistic.study.scores import SCORE_UNITS
from holistic.study.subject import Subject

__all__ = ["test"]

_CONTROLS = 200
_MOST = 10_000


@named
@explain_memory_errors()
def test(
    subject: Subject,
    edits: Edit | Sequence[Edit],
    *,
    controls: int = _CONTROLS,  # noqa: PT028
    progress: Progress = silent,  # noqa: PT028
) -> Finding:
    """Try edits on the evaluation split, beside the same edits elsewhere in their sites.

    Elsewhere means: on random units, as many and of the same site; a region of positions moved to
    random other places; along random directions in which the site varies, of the same length; with
    a whole patch's sources dealt out anew; of a function of a whole site, with its units dealt out
    anew. Where fewer than `controls` differ, these are all there are, and a caveat says so. What
    was chosen by looking at the evaluation split looks better than it is.

    Parameters
    ----------
    subject
        The model under study.
    edits
        One edit, or several that are made together.
    controls
        How many of the same edits elsewhere are tried.
    progress
        Called with the number of examples done and in all.

    Returns
    -------
    Finding
        Its `table` has `Tested` rows, one for each class and one for all: effect on the subject's
        score, accuracy before and after, intervals, p, q, and the same edits elsewhere. Its
        `statements` say it in a sentence.

    Raises
    ------
    SiteError
        If the model has no such site, unit or position.
    SettingError
        If there are no edits, or an edit's value isn't what it needs.
    ModelError
        If scores under the edits aren't finite.
    """
    check_subject(subject)
    controls = whole(controls, "controls", 0, _MOST)
    examples = subject.evaluation
    own = checked_variants(subject, checked_edits(edits), len(examples))
    if not own:
        raise SettingError(
            "nothing to test: give edits such as holistic.Zero('SITE', units=[4]); "
            "subject.sites lists the sites"
        )
    drawn = draw_controls(subject, own, controls, len(examples))
    found = outcomes(subject, [own, *drawn.variants], examples, progress=progress)
    table = tested_table(found, subject.classes)
    words = _statements(table, drawn, subject.score), _caveats(own, drawn, controls)
    return Finding(TESTED, table, *words)


def _statements(table: Table, drawn: Controls, score: str) -> tuple[str, ...]:
    (row,) = table.where(class_="all").rows()
    parts = [
        ("accuracy", 0.0 - 100 * row["drop"], "points", 0.0 - 100 * (row["drop_control"] or 0.0)),
        (score.replace("_", " "), row["effect"], SCORE_UNITS[score], row["control_effect"] or 0.0),
    ]
    words = list[str]()
    for what, value, unit, control in parts[: 1 if score == "accuracy" else 2]:
        unit = "" if unit == "share" else f" {unit}"
        text = f"Under these edits the {what} changes by {value:+.3g}{unit}"
        if drawn.variants:
            text += f"; with other {drawn.what}, by {control:+.3g} on average"
        words.append(text + ".")
    return tuple(words)


def _caveats(edits: Sequence[Edit], drawn: Controls, wanted: int) -> tuple[str, ...]:
    if not wanted or not drawn.every:
        return ()
    if drawn.variants:
        return (f"The {len(drawn.variants)} controls are all other {drawn.what} of this size.",)
    sites = ", ".join(dict.fromkeys(f"'{edit.site}'" for edit in edits))
    return (f"Nothing else at {sites} is of this size: there is no control.",)
