"""Several trainings of one model, each studied in a folder of its own, and then compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from holistic.cli.options import Plan, Source, check_sum, usual_folder
from holistic.cli.subjects import is_reference, with_pretrained
from holistic.errors import ModelError, SettingError, listed
from holistic.results.files import sha256

if TYPE_CHECKING:
    from holistic.report.saved import Audit

__all__ = ["Training", "check_expected", "check_single", "compared", "trainings"]

_MOST = 100


@dataclass(frozen=True)
class Training:
    """One of the trainings that a run studies, and where its audit is saved."""

    source: Source
    plan: Plan
    out: Path


def trainings(source: Source, plan: Plan) -> tuple[Training, ...]:
    """Return what a run studies: one model, so many seeds of it, or several files of weights.

    Raises
    ------
    SettingError
        If seeds are asked for of what isn't trained here, or beside several files of weights.
    ModelError
        If a file of weights isn't the one whose SHA-256 is given.
    """
    check_expected(plan)
    if not 1 <= plan.seeds <= _MOST:
        raise SettingError(f"--seeds must be a whole number from 1 to {_MOST}, got {plan.seeds}")
    if plan.seeds > 1 and (plan.files or not is_reference(source)):
        raise SettingError(
            "--seeds trains reference models (mlp, cnn, vit); of a model of your own give the "
            "weights of several trainings: --weights a.pt b.pt"
        )
    if plan.seeds == 1 and len(plan.files) < 2:
        own = with_pretrained(source, plan.weights)
        return (Training(own, plan, plan.out or usual_folder(own)),)
    if plan.files:
        return _of_files(source, plan)
    first = source.seed
    out = plan.out or Path(f"{usual_folder(source)}-to-{first + plan.seeds - 1}")
    # the same examples are studied, so that trainings differ by nothing else
    sources = [
        replace(source, seed=seed, split_seed=source.dividing)
        for seed in range(first, first + plan.seeds)
    ]
    return tuple(Training(one, replace(plan, seeds=1), out / f"seed{one.seed}") for one in sources)


def _of_files(source: Source, plan: Plan) -> tuple[Training, ...]:
    names = [path.name.partition(".")[0] or path.name for path in plan.files]
    if len(set(names)) < len(names):
        names = [f"{i}-{name}" for i, name in enumerate(names, 1)]
    out = plan.out or Path(f"{usual_folder(source)}-{len(names)}-weights")
    return tuple(
        Training(with_pretrained(source, path), replace(plan, files=(path,)), out / name)
        for path, name in zip(plan.files, names, strict=True)
    )


def compared(every: Sequence[Training]) -> Audit:
    """Compare the audits of all trainings, in a folder beside theirs."""
    from holistic.comparing import compare

    folders = [one.out for one in every]
    return compare(folders, out=folders[0].parent / "compared", names=[f.name for f in folders])


def check_expected(plan: Plan) -> None:
    """Compare the files of weights with the SHA-256 that they must have.

    Raises
    ------
    SettingError
        If there aren't as many as files, or one is no SHA-256.
    ModelError
        If a file can't be read, or is another.
    """
    if not plan.expect_sha256:
        return
    if len(plan.expect_sha256) != len(plan.files):
        raise SettingError(
            f"--expect-sha256 names {len(plan.expect_sha256)} sums and --weights "
            f"{len(plan.files)} files; give one sum for each file, in their order"
        )
    for path, expected in zip(plan.files, plan.expect_sha256, strict=True):
        check_sum(expected, path)
        try:
            found = sha256(path)
        except OSError as error:
            raise ModelError(f"no sum of '{path}': {error.strerror or error}") from None
        if found != expected.lower():
            raise ModelError(
                f"'{path}' isn't the file that is expected: its SHA-256 is {found}, "
                f"not {expected.lower()}; get it again"
            )


def check_single(plan: Plan, command: str) -> None:
    """Refuse several trainings where a command looks at one.

    Raises
    ------
    SettingError
        If there are several.
    ModelError
        If the file of weights isn't the one whose SHA-256 is given.
    """
    check_expected(plan)
    if plan.seeds > 1 or len(plan.files) > 1:
        what = "--seeds" if plan.seeds > 1 else f"--weights {listed(map(str, plan.files))}"
        raise SettingError(f"'holistic {command}' looks at one model; give it without {what}")
