"""Takes shortcuts out of a copy of a model, and says what that does to clean accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import nn

from holistic.arguments import check_subject
from holistic.errors import SettingError, explain_memory_errors, listed
from holistic.graph.torch_settings import settled
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution.shortcuts import confirmed
from holistic.named import named
from holistic.progress import Progress, silent
from holistic.repairing.learning import HOWS, learned
from holistic.repairing.measured import measured
from holistic.results.findings import Finding
from holistic.study.subject import Subject

__all__ = ["HOWS", "Repair", "repair"]

How = Literal["auto", "mask", "readout", "weights"]


class Repair(nn.Module):
    """An edited copy of a model, which computes logits as the model does.

    Attributes
    ----------
    model
        The edited copy itself: of the user's own type, or behind a mask of its inputs.
    finding
        Accuracy of each class on held-out images before and after, with the shortcut and without.
    how
        What was edited: `mask`, `readout` or `weights`; `nothing` where there is no shortcut.
    """

    def __init__(self, model: nn.Module, finding: Finding, how: str) -> None:
        super().__init__()
        self.model = model
        self.finding = finding
        self.how = how

    def forward(self, *given: object, **named_ones: object) -> object:
        """Compute what the edited copy computes."""
        return self.model(*given, **named_ones)


@named
@explain_memory_errors()
@settled(gradients=True)
def repair(
    subject: Subject,
    *,
    classes: Sequence[str] | str | None = None,
    how: How = "auto",
    progress: Progress = silent,
) -> Repair:
    """Find shortcuts and take them out of a copy of the model, without group labels.

    The copy is taught on the selection split, where each shortcut is exchanged between images, so
    that it tells nothing: it is taken from its class, and put into others. A part of that split,
    kept back, decides how much of the copy is edited, and when to stop; the evaluation split is
    only measured. The model itself stays as it is.

    Parameters
    ----------
    subject
        The model under study.
    classes
        Classes whose shortcuts are removed; all by default.
    how
        `mask` sets the regions to what images mostly hold there, before the model sees them;
        `readout` edits the last linear layer; `weights` edits all weights; `auto` takes what is
        best on images that were kept back.
    progress
        Called with a task, the steps done and in all.

    Returns
    -------
    Repair
        A module; its `model` is the edited copy and its `finding` says what it is worth.

    Raises
    ------
    SettingError
        If there is no such class or way.
    ModelError
        If the model has no gradients where weights are to be edited.

    References
    ----------
    Kirichenko et al. 2023 (the last layer learned anew); Lee et al. 2023 (which layers to teach).
    """
    check_subject(subject)
    if how not in HOWS:
        raise SettingError(f"how must be one of {listed(HOWS)}, got {how!r}")
    wanted = _wanted(subject, classes)
    found = [one for one in confirmed(subject, Attribution(), progress) if one.holds]
    found = [one for one in found if subject.classes[one.suspect.label] in wanted]
    edited, done = learned(subject, found, how, progress)
    return Repair(edited, measured(subject, edited, found, done), done)


def _wanted(subject: Subject, classes: Sequence[str] | str | None) -> set[str]:
    chosen = [classes] if isinstance(classes, str) else classes
    for name in chosen or ():
        if name not in subject.classes:
            raise SettingError(f"no class {name!r}; there are {listed(subject.classes)}")
    return set(subject.classes if chosen is None else chosen)
