"""Makes the control of a subject: the same architecture and data with freshly drawn weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import holistic
from holistic.graph.accompanied import extras_of
from holistic.graph.torch_settings import ordinary
from holistic.study.given import Given
from holistic.study.identity import Identity
from holistic.study.likeness import check_control
from holistic.study.references import References
from holistic.study.untrained import redraw, reinitialised, restore

if TYPE_CHECKING:
    from holistic.study.subject import Subject

__all__ = ["control_of"]


def control_of(
    trained: Subject, seed: int, reuse: Subject | None = None, keeping: Sequence[str] = ()
) -> Subject:
    """Return a subject's randomly initialised control (see `holistic.Subject.untrained`).

    Parameters
    ----------
    trained
        What is under study.
    seed
        Decides the weights.
    reuse
        An earlier control that nothing needs any more.
    keeping
        Modules by name whose own weights stay the trained ones.

    Raises
    ------
    ModelError
        If a weight can't be drawn anew, or the control computes what the trained model does.
    """
    if reuse is not None and redraw(reuse.wrapped.model, trained.model, seed, keeping):
        if reuse.wrapped.model is not reuse.model:
            redraw(reuse.model, trained.model, seed, keeping)
        # what was computed of the former weights
        reuse.references, reuse.identity = References(reuse), Identity(reuse, reuse.runner)
        return reuse
    model = reinitialised(trained.model, seed)
    restore(model, trained.model, keeping)
    with ordinary(trained.wrapped.defaults):
        fresh = holistic.Subject(
            model,
            Given(
                trained.images,
                trained.labels,
                features=trained.feature_names,
                vocabulary=trained.vocabulary,
            ),
            classes=trained.classes,
            score=trained.score,
            seed=trained.seed,
            forward=trained.reading,
            name=f"{trained.name} (untrained)",
            unit_axes=trained.unit_axes,
            device=trained.device,
            selection=trained.given_splits and trained.given_splits[0],
            evaluation=trained.given_splits and trained.given_splits[1],
            sites=trained.choices.sites or None,
            inputs=extras_of(trained.images) or None,
        )
    if not keeping:
        check_control(trained, fresh)
    return fresh
