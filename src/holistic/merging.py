"""One audit of what the shards of a run have finished."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from holistic.errors import AuditError, listed, notice
from holistic.named import named
from holistic.report.saved import Audit
from holistic.results.files import SHARDS, alone, write_whole
from holistic.results.folder import difference
from holistic.results.parts import WEIGHTS, Shard, fellows, shards_in

__all__ = ["begun", "check_alike", "merge", "remove_shards", "with_finished"]


def begun(folder: Path, key: str) -> Audit | None:
    """What is finished in a folder; None where it is no audit of this key."""
    try:
        found = Audit.load(folder)
    except AuditError:
        return None
    return found if found.provenance.get("key") == key else None


def with_finished(run: Audit, lenses: Sequence[str]) -> Audit:
    """Take over those of some lenses that others who share the run have finished."""
    for folder in fellows(run.path):
        wanted = [name for name in lenses if name not in run.lenses]
        other = begun(folder, run.provenance["key"]) if wanted else None
        for name in wanted:
            if other and name in other.lenses:
                run = taken(run, other, name)
    return run


def taken(run: Audit, other: Audit, lens: str) -> Audit:
    """Save what another folder of the same run has of a lens; return the audit that holds it.

    Raises
    ------
    AuditError
        If a file of it is missing or was changed.
    """
    entry = other.lenses[lens]
    for finding in entry["findings"].values():
        for file in (finding["table"], *finding["arrays"].values()):
            content = other.content(file)

            def write(path: Path, content: bytes = content) -> None:
                path.write_bytes(content)

            write_whole(run.path / file["path"], write, within=run.path)
    order = ["sites", *run.provenance["settings"]]
    every = {**run.lenses, lens: entry}
    failed = {name: why for name, why in run.failed.items() if name != lens}
    run = replace(run, lenses={n: every[n] for n in sorted(every, key=order.index)}, failed=failed)
    run.publish()
    return run


@named
def merge(folder: str | Path, *more: str | Path, out: str | Path | None = None) -> Audit:
    """Make one audit of what the shards of a run have finished, with its report.

    It has the bytes that a run in one process ends with.

    Parameters
    ----------
    folder
        Folder that the shards were given as theirs.
    *more
        Further ones, where they don't share one.
    out
        Folder of the whole audit; `folder` by default.

    Returns
    -------
    Audit
        The whole audit. The shards' own folders are removed.

    Raises
    ------
    AuditError
        If there is no shard, shards are of different runs, or lenses are missing: what shards
        have finished is kept.
    """
    homes = [Path(one) for one in (folder, *more)]
    found = dict[Shard, Path]()
    for home in homes:
        found |= {shard: path for shard, path in shards_in(home).items() if shard not in found}
    if not found:
        raise AuditError(
            f"no shards in {_quoted(homes)}; make them with 'holistic run … --shard 1/2'"
        )
    audits = {shard: audit for shard, path in found.items() if (audit := Audit.find(path))}
    check_alike(audits)
    first, *_ = audits.values()
    home = homes[0] if out is None else Path(out)
    existing = Audit.find(home)
    if existing and existing.provenance["key"] != first.provenance["key"]:
        other = difference(existing.provenance, first.provenance)
        raise AuditError(f"the audit in '{home}' is another than the shards' ({other})")
    with ExitStack() as stack:
        for place in (home, *found.values()):
            stack.enter_context(alone(place))
        run = existing or Audit.create(home, first.provenance)
        _keep_weights(run.path, found.values())
        for audit in audits.values():
            for name in [name for name in audit.lenses if name not in run.lenses]:
                run = taken(run, audit, name)
        _check_whole(run, audits)
        run.report()
    remove_shards(homes, run.provenance["key"])
    return run


def _keep_weights(home: Path, shards: Iterable[Path]) -> None:
    """Keep the weights of a reference model that a shard has trained."""
    own = home / WEIGHTS
    learnt = [path / WEIGHTS for path in shards if (path / WEIGHTS).is_file()]
    if learnt and not own.exists():
        write_whole(own, lambda path: path.write_bytes(learnt[0].read_bytes()), within=home)


def check_alike(audits: Mapping[Shard, Audit]) -> None:
    """Refuse shards that aren't of one run."""
    if not audits:
        raise AuditError("no shard has begun: none of their folders holds an audit.json")
    (first, one), *others = audits.items()
    for shard, other in others:
        if shard.count != first.count:
            raise AuditError(
                f"shards {first} and {shard} are of different divisions of the run; "
                f"remove the folders of one of them: '{one.path}', '{other.path}'"
            )
        if one.provenance["key"] != other.provenance["key"]:
            raise AuditError(
                f"shards {first} and {shard} can't be merged "
                f"({difference(one.provenance, other.provenance)}); give all the same command, in "
                "the same versions and with as many threads"
            )


def _check_whole(run: Audit, audits: Mapping[Shard, Audit]) -> None:
    """Name the shards that are missing, and refuse where lenses are."""
    shards = [str(shard) for shard in _missing(audits)]
    lenses = [name for name in run.provenance["settings"] if name not in run.lenses]
    failed = {n: why for a in audits.values() for n, why in a.failed.items() if n in lenses}
    for name, why in failed.items():
        run = run.lacking(name, why)
    missing = f"shards {listed(shards)} are missing" if shards[1:] else ""
    missing = missing or (f"shard {shards[0]} is missing" if shards else "")
    if lenses:
        what = f"lenses {listed(lenses)} aren't finished in '{run.path}'"
        raise AuditError(
            f"{missing + ', and ' if missing else ''}{what}; give the shards' commands again, or "
            "the same without --shard, which does what is left"
        )
    if missing:
        notice(f"{missing}; others have done all that there was to do")


def _missing(audits: Mapping[Shard, Audit]) -> Iterator[Shard]:
    count = next(iter(audits)).count
    every = (Shard(count, number) for number in range(1, count + 1))
    return (shard for shard in every if shard not in audits)


def remove_shards(homes: Iterable[Path], key: str) -> None:
    """Remove the folders of a run's shards, but for those that still work."""
    for home in homes:
        for path in shards_in(home).values():
            with suppress(AuditError), alone(path):
                if begun(path, key):
                    shutil.rmtree(path)
        place = home / SHARDS
        for log in place.glob("*.log"):
            log.unlink()
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()


def _quoted(folders: Sequence[Path]) -> str:
    return listed([f"'{folder}'" for folder in folders])
