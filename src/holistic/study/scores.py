"""The numbers that effects are measured in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from holistic.errors import SettingError, listed, nearest

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ROUNDING", "SCORE_UNITS", "Score", "checked_score", "resolution", "score"]

Score = Literal["margin", "logit", "log_prob", "accuracy"]
SCORE_UNITS = {"margin": "logits", "logit": "logits", "log_prob": "nats", "accuracy": "share"}
ROUNDING = 2.0**-18
"""Share of the logits up to which a change of a score is rounding, that is none: 32 steps of
float32."""


def checked_score(name: str) -> Score:
    """Return the name of a score after checking it.

    Raises
    ------
    SettingError
        If there is no such score.
    """
    known = get_args(Score)
    if not isinstance(name, str) or name not in known:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise SettingError(
            f"no score '{name}'{nearest(str(name).lower(), known)}; there are {listed(known)}"
        )
    return name  # pyright: ignore[reportReturnType]


def score(logits: Tensor, labels: Tensor, name: Score = "margin") -> Tensor:
    """Score each example's logits against its class.

    Parameters
    ----------
    logits
        `[B, C]`.
    labels
        `[B]`, the class that each example is scored for.
    name
        `margin` (that class's logit minus the best other), `logit`, `log_prob`, or `accuracy`
        (1 where that class has the first largest logit, else 0).

    Returns
    -------
    Tensor
        `[B]`, of the dtype of the logits; higher means more for the class.
    """
    own = logits.gather(1, labels[:, None])[:, 0]  # [B]
    if name == "logit":
        return own
    if name == "log_prob":
        return own - logits.logsumexp(1)
    if name == "accuracy":
        return (logits.argmax(1) == labels).to(logits.dtype)
    others = logits.scatter(1, labels[:, None], float("-inf"))  # [B, C]
    return own - others.amax(1)


def resolution(logits: Tensor) -> Tensor:
    """Return the size up to which a change of each example's score is rounding.

    Parameters
    ----------
    logits
        `[B, C]`.

    Returns
    -------
    Tensor
        `[B]`, below the 1 by which the accuracy of an example changes.
    """
    return (ROUNDING * logits.float().abs().amax(1)).clamp_max(0.5)
