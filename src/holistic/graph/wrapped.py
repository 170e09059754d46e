"""Runs a user's model and leaves nothing of it changed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn

from holistic.errors import ModelError
from holistic.graph.accompanied import apart, lacking
from holistic.graph.kept import kept
from holistic.graph.torch_settings import ambient, ordinary
from holistic.usercode import reason_of

__all__ = ["Wrapped", "evaluating", "stance"]


class Wrapped(nn.Module):
    """A model with a function that picks the logits from it, as one module.

    Attributes
    ----------
    single
        Whether the model can be run on one image alone; else the image is given twice.
    names
        Arguments of the model that are given beside the images.
    """

    def __init__(
        self,
        model: nn.Module,
        pick: Callable[..., Tensor],
        defaults: tuple[torch.dtype, torch.device] | None = None,
        names: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.model = model
        self.pick = pick
        self.defaults = defaults or ambient()
        self.single = True
        self.names = tuple(names)

    def forward(self, images: Tensor, extras: tuple[Tensor, ...] = ()) -> Tensor:
        """Return the logits, `[B, C]`.

        Parameters
        ----------
        images
            `[B, …]`, which carry the further inputs.
        extras
            Those inputs in the order of their names, of images that don't carry them.
        """
        if not self.names:
            return self.pick(self.model, images)
        if not extras:
            images, carried = apart(images)
            if tuple(carried) != self.names:
                raise lacking(self.names)
            extras = tuple(carried.values())
        return self.pick(self.model, images, **dict(zip(self.names, extras, strict=True)))

    def logits(self, images: Tensor) -> Tensor:
        """Return the logits of a copy of the images, which the model may write into."""
        if len(images) == 1 and not self.single:
            return self(images.repeat(2, *[1] * (images.dim() - 1)))[:1]
        return self(images.clone())


def stance(name: str) -> AbstractContextManager[None]:
    """Say what becomes of compiled parts: run as they are written, or as torch does by default.

    Compiling them anew for each size of batch that is tried would take minutes.
    """
    if "torch._dynamo" not in sys.modules:
        return nullcontext()
    return torch.compiler.set_stance(name)  # pyright: ignore[reportArgumentType, reportReturnType]


@contextmanager
def evaluating(wrapped: Wrapped) -> Generator[None]:
    """Put a model into evaluation mode, under the settings that it was handed over with.

    Afterwards everything that it holds is put back, and the state of random generators.

    Raises
    ------
    ModelError
        If its code ends the program.
    """
    with kept(wrapped), ordinary(wrapped.defaults), stance("force_eager"):
        for module in wrapped.modules():
            module.training = False
        try:
            yield
        except SystemExit as end:
            line = f"the model's code can't be run: {reason_of(end)}; take that out of it"
            raise ModelError(line) from end
