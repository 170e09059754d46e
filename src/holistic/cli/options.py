"""Flags that commands share, and those of the lenses."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from holistic.errors import SettingError
from holistic.lenses._contract import Lens

__all__ = [
    "QUICK_EXAMPLES",
    "AsJson",
    "Configuration",
    "Division",
    "Plan",
    "Source",
    "Verbose",
    "check_sum",
    "file_name",
    "settings_class",
    "usual_folder",
]


QUICK_EXAMPLES = 1000
"""Images that a quick run studies at most."""

DATA, MODEL = Group.create_ordered("Data"), Group.create_ordered("Model")
COST, OUTPUT = Group.create_ordered("Scope and cost"), Group.create_ordered("Output")


def option(group: Group, *names: str, shown: bool = True) -> Parameter:
    """Describe a flag: where help lists it, if it does, and under which name."""
    return Parameter(name=names or None, group=group, show=shown, show_default=False, negative=())


AsJson = Annotated[bool, option(OUTPUT, "--json")]
Verbose = Annotated[bool, option(OUTPUT)]
Configuration = Annotated[Path | None, option(OUTPUT)]


@Parameter(name="*")
@dataclass(frozen=True)
class Source:
    """Which data and which model."""

    data: Annotated[str, option(DATA)] = "digits"
    """digits, mnist, folder:PATH, tar:, parquet:, module:name."""
    _: KW_ONLY
    model: Annotated[str, option(MODEL)] = "mlp"
    """mlp, cnn or vit, or module:factory that returns yours."""
    seed: Annotated[int, option(MODEL)] = 0
    """Of weights, training and every draw; 0 by default."""
    split_seed: Annotated[int | None, option(DATA, shown=False)] = None
    """Of which examples are trained on; as --seed by default."""
    data_dir: Annotated[Path | None, option(DATA)] = None
    """Folder of mnist/*.gz; $HOLISTIC_DATA by default."""
    classes: Annotated[tuple[str, ...], option(DATA)] = ()
    """Names in the order of the logits: cat,dog."""
    first: Annotated[int | None, option(DATA)] = None
    """Read so many examples of a stream or of shards at most."""
    resize: Annotated[str | None, option(DATA)] = None
    """Size of a folder's pictures: 64 or 64x48, height first."""
    normalise: Annotated[str | None, option(DATA)] = None
    """Mean and deviation: 0.13,0.31, or one per channel."""
    vocabulary: Annotated[Path | None, option(DATA)] = None
    """File of the words of tokens: a word a line, or JSON."""

    @property
    def made(self) -> dict[str, Any]:
        """What an audit records, so that the subject can be made again."""
        more = {"classes": [*self.classes], "first": self.first, "resize": self.resize,
                "normalise": self.normalise,
                "vocabulary": self.vocabulary and str(self.vocabulary)}  # fmt: skip
        return {**self.origin, **{name: value for name, value in more.items() if value}}

    @property
    def origin(self) -> dict[str, Any]:
        """What decides the weights of a reference model."""
        found = {"data": self.data, "model": self.model, "seed": self.seed}
        return found if self.dividing == self.seed else {**found, "split_seed": self.dividing}

    @property
    def dividing(self) -> int:
        """Seed that decides which examples are trained on, and which of many are studied."""
        return self.seed if self.split_seed is None else self.split_seed


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run studies, with which lenses, and where it is saved."""

    files: Annotated[tuple[Path, ...], option(MODEL, "--weights")] = ()
    """File, checkpoint, shards, or Hugging Face folder."""
    expect_sha256: Annotated[tuple[str, ...], option(MODEL, shown=False)] = ()
    """SHA-256 that each file of weights must have."""
    seeds: Annotated[int, option(MODEL)] = 1
    """Train and study so many, from --seed on, and compare."""
    forward: Annotated[str | None, option(MODEL)] = None
    """module:function(model, batch) that returns logits."""
    limit: Annotated[int | None, option(COST)] = None
    """Study so many examples; all by default."""
    score: Annotated[str, option(COST)] = "margin"
    """margin (default), logit, log_prob or accuracy."""
    out: Annotated[Path | None, option(OUTPUT)] = None
    """Folder; runs/DATA-MODEL-seedSEED by default."""
    device: Annotated[str, option(COST)] = "auto"
    """cpu, cuda, cuda:1; auto takes CUDA where there is any."""
    unit_axis: Annotated[tuple[str, ...], option(MODEL)] = ()
    """SITE=AXIS that counts units, if not the inferred one."""
    sites: Annotated[tuple[str, ...], option(COST)] = ()
    """Names, patterns layer3.*, places #-3:; all by default."""
    exact: Annotated[bool, option(COST)] = False
    """Every unit on every example, whatever it takes."""
    lens: Annotated[tuple[str, ...], option(COST)] = ()
    """Lenses to run; all by default."""
    quick: Annotated[bool, option(COST)] = False
    """Fewer examples and controls: about a quarter of the time."""
    time: Annotated[str | None, option(COST)] = None
    """At most so long, as 90s, 10m, 1h: cuts settings to fit."""
    anyway: Annotated[bool, option(MODEL)] = False
    """Study a model that is no better than chance, too."""

    @property
    def weights(self) -> Path | None:
        """The one file of weights that is studied; None where there is none."""
        return self.files[0] if self.files else None

    @property
    def most(self) -> int | None:
        """How many of the test images are studied at most; None for all."""
        return QUICK_EXAMPLES if self.quick and self.limit is None else self.limit


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Division:
    """Who does a run: this process, several of this machine, or those of a cluster."""

    workers: Annotated[int, option(COST)] = 0
    """Share it among so many processes (jobs: --shard, --ray)."""
    shard: Annotated[str | None, option(COST, shown=False)] = None
    """Do one shard of it, such as 1/4; `holistic merge` ends it."""
    ray: Annotated[str | None, option(COST, shown=False)] = None
    """Share it through Ray: local, or a cluster's HOST:PORT."""


def file_name(source: Source) -> str:
    """Name what belongs to a source, without characters that a path can't have.

    >>> file_name(Source("folder:my data/birds", model="zoo:make"))
    'folder-my-data-birds-zoo-make-seed0'
    """
    return re.sub(r"[^\w.]+", "-", f"{source.data}-{source.model}-seed{source.seed}")


def usual_folder(source: Source) -> Path:
    """Where the audit of a source lies, unless told otherwise."""
    return Path("runs") / file_name(source)


def settings_class(lenses: Iterable[type[Lens]], *, shown: bool = False) -> type:
    """Make a dataclass that has one field per lens, so that a lens's fields become flags.

    Parameters
    ----------
    lenses
        Lenses; one without settings of its own is left out.
    shown
        Whether help lists the flags.

    Returns
    -------
    type
        A frozen dataclass; the field of a lens holds it with its settings.
    """
    fields: list[tuple[str, Any, Any]] = [
        (lens.name, _grouped(lens, shown=shown), field(default_factory=lens))
        for lens in lenses
        if dataclasses.fields(lens)
    ]
    # classes that seem to come from the standard library aren't looked into for flags
    namespace = {"__module__": __name__, "__doc__": "Settings of the lenses."}
    return dataclasses.make_dataclass("Settings", fields, frozen=True, namespace=namespace)


def _grouped(lens: type[Lens], *, shown: bool) -> Any:
    group = Group(f"Lens {lens.name}", help=lens.question)
    return Annotated[lens, Parameter(group=group, show=shown)]


def check_sum(expected: str, path: Path) -> None:
    """Refuse a sum that no file could have.

    Raises
    ------
    SettingError
        If it is no SHA-256.
    """
    if not re.fullmatch(r"[0-9a-fA-F]{64}", expected):
        raise SettingError(
            f"--expect-sha256 takes 64 hexadecimal digits, got {expected!r}; "
            f"'sha256sum {path}' prints them"
        )
