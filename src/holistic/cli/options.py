"""Flags that commands share, and those of the lenses."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from holistic.lenses._contract import Lens

__all__ = ["AsJson", "Plan", "Source", "file_name", "settings_class"]


_QUICK_EXAMPLES = 1000
"""Images that a quick run studies at most."""

AsJson = Annotated[bool, Parameter(name="--json", negative=())]


@Parameter(name="*")
@dataclass(frozen=True)
class Source:
    """Which data and which model."""

    data: str = "digits"
    """Data set: `digits`, `mnist`, `fashion-mnist`, `folder:PATH` (a folder for each class), or
    `module:callable`."""
    _: KW_ONLY
    model: str = "mlp"
    """Reference model `mlp`, `cnn` or `vit`, or `module:factory`, a function that returns one."""
    seed: int = 0
    """Seed of the weights, of the training, and of everything that is drawn at random."""
    data_dir: Path | None = None
    """Folder that holds data sets (`mnist/*.gz`); `$HOLISTIC_DATA` by default."""
    classes: tuple[str, ...] = ()
    """Names of the model's classes in the order of its logits, as `cat,dog`; the data's own by
    default. Labels follow the data's names to their places there."""
    resize: str | None = None
    """Bring the pictures of a folder to this size: `64`, or `64x48`, height by width."""
    normalise: str | None = None
    """Take a mean away and divide by a deviation, `0.13,0.31`, or first a mean and then a deviation
    for each channel."""
    vocabulary: Path | None = None
    """File of the words that the numbers of tokens stand for: a word a line, or JSON."""

    @property
    def made(self) -> dict[str, Any]:
        """What an audit records, so that the subject can be made again."""
        more = {"classes": [*self.classes], "resize": self.resize, "normalise": self.normalise,
                "vocabulary": self.vocabulary and str(self.vocabulary)}  # fmt: skip
        always = {"data": self.data, "model": self.model, "seed": self.seed}
        return {**always, **{name: value for name, value in more.items() if value}}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run studies, with which lenses, and where it is saved."""

    weights: Path | None = None
    """Weights of the model: safetensors, a state dict or checkpoint of `torch.save`, or a folder
    of shards; a folder of Hugging Face is the model itself, with its processor. A reference model
    without weights is trained first."""
    forward: str | None = None
    """`module:function` that is called with the model and a batch and returns logits, where the
    model itself returns something else."""
    limit: int | None = None
    """Study this many of the test images, the classes in their proportions; all by default."""
    score: str = "margin"
    """What effects are measured in: `margin`, `logit`, `log_prob` or `accuracy`."""
    out: Path | None = None
    """Folder of the audit; `runs/DATA-MODEL-seedSEED` by default."""
    device: str = "auto"
    """Where to compute: `cpu`, `cuda`, `cuda:1`, or `auto`, CUDA where there is any."""
    unit_axis: tuple[str, ...] = ()
    """`SITE=AXIS`: which axis of an example's value counts a site's units, if not the inferred
    one (see `holistic sites`)."""
    sites: tuple[str, ...] = ()
    """Sites to study: names, patterns such as `layer3.*`, or places among the hidden sites, `#-3:`
    for the last three; all hidden sites by default."""
    exact: bool = False
    """Replace every unit on every example, whatever it takes; without it, a sweep of more than
    3e14 operations is estimated from a sample, and says so."""
    lens: tuple[str, ...] = ()
    """Names of the lenses to run; all by default."""
    quick: bool = False
    """Take about a tenth of the time: 1,000 of the test images at most, and in each lens fewer
    examples, copies and steps where its settings aren't given. Intervals are wider by that."""
    anyway: bool = False
    """Study a model, too, that is no better than chance."""

    @property
    def most(self) -> int | None:
        """How many of the test images are studied at most; None for all."""
        return _QUICK_EXAMPLES if self.quick and self.limit is None else self.limit


def file_name(source: Source) -> str:
    """Name what belongs to a source, without characters that a path can't have.

    >>> file_name(Source("folder:my data/birds", model="zoo:make"))
    'folder-my-data-birds-zoo-make-seed0'
    """
    return re.sub(r"[^\w.]+", "-", f"{source.data}-{source.model}-seed{source.seed}")


def settings_class(lenses: Iterable[type[Lens]]) -> type:
    """Make a dataclass that has one field per lens, so that a lens's fields become flags.

    Parameters
    ----------
    lenses
        Lenses; one without settings of its own is left out.

    Returns
    -------
    type
        A frozen dataclass; the field of a lens holds it with its settings.
    """
    fields: list[tuple[str, Any, Any]] = [
        (lens.name, _grouped(lens), field(default_factory=lens))
        for lens in lenses
        if dataclasses.fields(lens)
    ]
    # classes that seem to come from the standard library aren't looked into for flags
    namespace = {"__module__": __name__, "__doc__": "Settings of the lenses."}
    return dataclasses.make_dataclass("Settings", fields, frozen=True, namespace=namespace)


def _grouped(lens: type[Lens]) -> Any:
    return Annotated[lens, Parameter(group=Group(f"Lens {lens.name}", help=lens.question))]
