"""Says in words what all lenses together say of a unit: the one rule that everybody reads."""

from __future__ import annotations

from holistic.lenses.agreement.schemas import PLAYS, VERDICTS, UnitVerdict
from holistic.words import named

__all__ = ["in_words", "plays", "selective"]

(
    _CARRIES, _OTHER, _VETOES, _SUPPRESSES, _UNSELECTIVE, _REDUNDANT, _FIRES, _UNNEEDED, _OPEN,
    _DEAD,
) = PLAYS  # fmt: skip


def selective(row: UnitVerdict) -> bool | None:
    """Say whether a unit tells its class better than untrained units; None where it is open.

    It does where the whole interval of the number that tells lies above its bound, and doesn't
    where the whole interval lies below. A number that doesn't vary has no interval, and tells.
    """
    of = row.d_prime if row.selective_by == "d′" else row.activation
    if of.lo is None or of.hi is None or of.control is None:
        return row.selective or None
    if of.lo > of.control:
        return True
    return False if of.hi < of.control else None


def plays(row: UnitVerdict) -> str:
    """Return which of `PLAYS` a unit is, by the other columns of its row.

    What a class surely depends on comes first, then a partner that stands in for it, then what is
    surely not needed; all else isn't settled.
    """
    if row.verdict == VERDICTS[6]:
        return _DEAD
    if row.partner is not None:
        return _REDUNDANT
    if row.causal:
        return _needed(row)
    if row.idle:
        return _FIRES if selective(row) else _UNNEEDED
    return _OPEN


def _needed(row: UnitVerdict) -> str:
    if row.needs_it == "harmed":
        return _SUPPRESSES
    if row.needs_it == "silent":
        return _VETOES
    tells = selective(row)
    if tells is False:
        return _UNSELECTIVE
    other = tells and row.causal_class != row.preferred_class
    return _OTHER if other else _CARRIES


def in_words(row: UnitVerdict, layer: str) -> str:
    """Say what a unit is, with its classes and partner: a few words that fit a cell.

    Parameters
    ----------
    row
        Its row, of which `plays` and `in_words` aren't read.
    layer
        What readers call the site.
    """
    what = plays(row)
    if what == _DEAD:
        return _DEAD
    own, needing = (named(name or "–") for name in (row.preferred_class, row.causal_class))
    fires = f"fires on {own}"
    if what == _REDUNDANT:
        does = _does(row, fires, needing) if row.causal else ""
        return f"{does}{', ' * bool(does)}redundant with {layer}·{row.partner}"
    if row.causal:
        return _does(row, fires, needing)
    if what == _FIRES:
        return f"{fires} but isn't needed"
    if what == _UNNEEDED:
        known_not = selective(row) is False
        return (
            "neither selective nor needed" if known_not else "not needed; selective or not is open"
        )
    return f"not settled ({_asked(row, fires)})"


def _does(row: UnitVerdict, fires: str, needing: str) -> str:
    """Say what the class that depends on a unit needs it for."""
    return {
        _CARRIES: f"carries class {needing}",
        _OTHER: f"{fires} but carries {needing}",
        _VETOES: f"vetoes {needing}",
        _SUPPRESSES: f"suppressor of {needing}",
        _UNSELECTIVE: f"needed by {needing} but not selective",
    }[_needed(row)]


def _asked(row: UnitVerdict, fires: str) -> str:
    """Say what is open, and what is known nevertheless."""
    begin = f"{fires}; " if selective(row) else ""
    if row.causal_share.value is None or not row.causal_images:
        return f"{begin}no pair of examples could be used"
    of = f"examples of {named(row.cause_class or '–')}"
    if row.settling_images is None:
        return f"{begin}{row.causal_images:,} {of} leave it open"
    return f"{begin}{row.settling_images:,} {of} would tell"
