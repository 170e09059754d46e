"""The folder of an audit: all findings of one run with their provenance, whole or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np

from holistic.errors import AuditError, listed, nearest, shortened
from holistic.results.files import SHARDS, is_unfinished, opened, sha256, write_whole
from holistic.results.findings import Finding
from holistic.results.input_kinds import kind_of
from holistic.results.readers import Readers
from holistic.results.records import arrays_fault, record_fault, table_fault
from holistic.results.schema import Schema
from holistic.results.site_names import SiteNames
from holistic.results.tables import Table

__all__ = ["SCHEMA_VERSION", "Folder", "difference"]

SCHEMA_VERSION = 4
_OF_AUDITS = {
    "audit.json", "tables", "arrays", "experiments", "report.html", "model.safetensors",
    "tensorboard", ".unfinished", "models", "doctor.json", SHARDS,
}  # fmt: skip
"""What a run puts into the folder of an audit."""
_AWAY = "choose another folder with --out, or remove it"
T = TypeVar("T")


class _Damaged(AuditError):
    """An `audit.json` that holds something else than this program writes."""


@dataclass(frozen=True)
class Folder:
    """All findings of one run with their provenance: a folder on disk.

    `audit["ablation.units"]` is the table of that finding.
    """

    path: Path
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])
    lenses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Finished lens to its entry: seconds, and per finding the files and their SHA-256."""
    failed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Lens that is missing to why: it failed, or lacks the findings of one that did."""
    kept: dict[tuple[str, str], Any] | None = field(default=None, compare=False, repr=False)
    """What was read already, by path and SHA-256; None where nothing is kept."""
    seen: Readers = field(default=Readers(), compare=False, repr=False)
    """What stands in tables in place of the sites' keys and of words for pictures."""

    @classmethod
    def create(cls, path: Path, provenance: Mapping[str, Any]) -> Self:
        """Open the folder for a run, or go on with the same run where it was cut off.

        Raises
        ------
        AuditError
            If the folder is taken by something else than this run's own audit.
        """
        audit = cls.find(path)
        if audit is None:
            audit = cls(Path(path), provenance)
            audit.publish()
        if audit.provenance["key"] != provenance["key"]:
            raise AuditError(
                f"output folder '{path}' holds another audit "
                f"({difference(audit.provenance, provenance)}); "
                "choose another folder with --out, or remove it"
            )
        return audit

    @classmethod
    def find(cls, path: Path) -> Self | None:
        """Return the audit that a folder holds, or None where a new one can be made.

        A folder whose `audit.json` is damaged counts as new where all else in it is an audit's.

        Raises
        ------
        AuditError
            If the folder is taken by other files, or by an audit of another schema version.
        """
        path = Path(path)
        if (path / "audit.json").exists():
            try:
                return cls.load(path)
            except _Damaged as error:
                if all(one.name in _OF_AUDITS or is_unfinished(one) for one in path.iterdir()):
                    return None
                raise AuditError(f"{error}; {_AWAY}") from None
            except AuditError as error:
                raise AuditError(f"{error}; {_AWAY}") from None
        if path.exists() and (not path.is_dir() or not all(map(is_unfinished, path.iterdir()))):
            raise AuditError(
                f"output folder '{path}' is taken by other files; choose a new one with --out"
            )
        return None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Open a saved audit; reads `audit.json` only, tables are read when asked for.

        Raises
        ------
        AuditError
            If there is no audit, or one of another schema version.
        """
        path = Path(path)
        try:
            with opened(path / "audit.json") as file:
                record = json.loads(str(file.read(), "utf-8"))
        except FileNotFoundError:
            raise AuditError(
                f"no audit in '{path}': it has no audit.json; make one with 'holistic run'"
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            kind = AuditError if isinstance(error, OSError) else _Damaged
            raise kind(f"'{path / 'audit.json'}' can't be read: {error}") from None
        version = record.get("schema_version") if isinstance(record, dict) else None
        if version != SCHEMA_VERSION:
            raise AuditError(
                f"'{path}' has schema version {version!r}, this program reads {SCHEMA_VERSION}; "
                "run the audit again"
            )
        if fault := record_fault(record):
            message = shortened(fault)
            raise _Damaged(f"'{path / 'audit.json'}' is damaged: {message}; run the audit again")
        return cls(path, record["provenance"], record["lenses"], record.get("failed", {}))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all findings, in the order in which they were found."""
        return tuple(name for entry in self.lenses.values() for name in entry["findings"])

    @property
    def finished(self) -> tuple[str, ...]:
        """Names of the lenses that are finished."""
        return tuple(name for name in self.lenses if name != "sites")

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader must know of the whole audit; which lenses are missing comes first."""
        missing = (f"Lens '{name}' is missing: {why}" for name, why in self.failed.items())
        return *missing, *map(self.seen.in_text, self.provenance.get("caveats", ()))

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __repr__(self) -> str:
        return f"Audit('{self.path}': {len(self.names)} findings of {', '.join(self.lenses)})"

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __getitem__(self, name: str) -> Table:
        return self._table(name, self._record(name)["table"])

    def kept_while_read(self) -> Self:
        """Return this audit with a memory of its own: each of its files is read once.

        For the time of one report: what changes on disk while it lives isn't noticed.
        """
        return dataclasses.replace(self, kept={})

    def for_readers(self) -> Self:
        """Return this audit, kept while it is read, with the names and words that readers see.

        What is kept for other programs only is left out.
        """
        own = self.kept_while_read()
        seen = own.readers
        kept = {place: seen.in_table(table) for place, table in (own.kept or {}).items()}
        lenses = {lens: self._for_readers(entry) for lens, entry in self.lenses.items()}
        return dataclasses.replace(own, lenses=lenses, kept=kept, seen=seen)

    def _for_readers(self, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """The entry of a lens without the findings that no reader looks at."""
        found = {n: one for n, one in entry["findings"].items() if not self.schema(n).apart}
        return {**entry, "findings": found}

    @property
    def readers(self) -> Readers:
        """What readers see in place of the sites' keys, and of words for pictures."""
        sites = SiteNames.read(self["sites"]) if "sites" in self.names else SiteNames()
        return Readers(sites, kind_of(self.provenance.get("inputs", {})))

    def finding(self, name: str) -> Finding:
        """Read one finding from disk, checking its files against their SHA-256.

        Raises
        ------
        AuditError
            If there is no such finding, or a file of it is missing, was changed, or holds
            something else than this program writes.
        """
        record = self._record(name)
        table = self._table(name, record["table"])
        arrays = {array: self._array(file) for array, file in record["arrays"].items()}
        classes = self.provenance.get("classes")
        sizes = {"rows": len(table)} | ({"classes": len(classes)} if classes else {})
        schema = self.schema(name)
        if fault := arrays_fault(schema, arrays, sizes):
            raise AuditError(
                f"finding '{name}' in '{self.path}' is damaged: {shortened(fault)}; "
                "run the audit again"
            )
        texts = tuple(record["statements"]), tuple(record["caveats"])
        return Finding(schema, table, *texts, arrays)

    def schema(self, name: str) -> Schema:
        """What was declared of a finding: by this program, else as the audit carries it."""
        found = self.declared(name) or Schema.recorded(name, self._record(name)["schema"])
        return self.seen.in_schema(found)

    def declared(self, name: str) -> Schema | None:
        """What this program declares of a finding; None where it doesn't know it."""
        return None

    def _record(self, name: str) -> Mapping[str, Any]:
        if name not in self.names:
            raise AuditError(
                f"no finding '{name}'{nearest(name, self.names)} in '{self.path}'; "
                f"it has {listed(self.names, 40)}"
            )
        return next(e["findings"][name] for e in self.lenses.values() if name in e["findings"])

    def _table(self, name: str, file: Mapping[str, str]) -> Table:
        def read(content: bytes) -> Table:
            table = Table.load(content)
            if fault := table_fault(self.declared(name), table.columns):
                raise ValueError(fault)
            return dataclasses.replace(
                self.seen.in_table(table),
                names_of_sites=self._typed,
                arrays_of=lambda: self.finding(name).arrays,
            )

        return self._read(file, read)

    def _typed(self) -> Mapping[str, str]:
        """By a name that readers see of a site, what this audit's tables hold for it."""
        names = self.seen.sites if self.seen.sites.of else self.readers.sites
        seen = self.seen.sites.of
        return {**seen, **{name: seen.get(key, key) for name, key in names.typed.items()}}

    def _array(self, file: Mapping[str, str]) -> np.ndarray:
        def read(content: bytes) -> np.ndarray:
            return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)

        return self._read(file, read)

    def _read(self, file: Mapping[str, str], read: Callable[[bytes], T]) -> T:
        """Read a file, or take what was kept of it; it is opened once, and what is read is hashed.

        Raises
        ------
        AuditError
            If it is missing, was changed after the run, or holds something else.
        """
        place = file["path"], file["sha256"]
        if self.kept is not None and place in self.kept:
            return self.kept[place]
        path = self._place(file)
        try:
            with opened(path) as stream:
                content = stream.read()
        except OSError:
            raise AuditError(f"'{path}' is missing; run the audit again") from None
        _check_unchanged(path, hashlib.sha256(content).hexdigest(), file)
        with _readable(path):
            found = read(content)
        if self.kept is not None:
            self.kept[place] = found
        return found

    def content(self, file: Mapping[str, str]) -> bytes:
        """The bytes of a file as `audit.json` lists it; an error where it was changed."""
        return self._read(file, bytes)

    def _place(self, file: Mapping[str, str]) -> Path:
        path = self.path / file["path"]
        # audits are passed on: a record that someone else wrote must not reach other files
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise AuditError(f"'{path}' lies outside of the audit; run the audit again")
        return path

    def check(self, file: Mapping[str, str]) -> None:
        """Hash a file that `audit.json` names; an `AuditError` says that it isn't what it was."""
        path = self._place(file)
        try:
            digest = sha256(path)
        except OSError:
            raise AuditError(f"'{path}' is missing; run the audit again") from None
        _check_unchanged(path, digest, file)

    def files(self, *lenses: str) -> Iterator[Mapping[str, str]]:
        """Yield the record of each table and array of some lenses, or of all of them."""
        for lens in lenses or self.lenses:
            for finding in self.lenses[lens]["findings"].values():
                yield from (finding["table"], *finding["arrays"].values())

    def fault(self, lens: str) -> str:
        """Say what of a lens's files is missing or was changed; nothing where they are whole."""
        if lens not in self.lenses:
            return f"'{self.path}' holds no findings of '{lens}'"
        try:
            for file in self.files(lens):
                self.check(file)
        except AuditError as error:
            return str(error).removesuffix("; run the audit again")
        return ""

    def lacking(self, lens: str, why: str) -> Self:
        """Save that a lens is missing, with one line that says why; return the audit."""
        audit = dataclasses.replace(self, failed={**self.failed, lens: why})
        audit.publish()
        return audit

    def add(self, lens: str, findings: Sequence[Finding], seconds: float) -> Self:
        """Save a finished lens; return the audit that holds it.

        Files come first, each under a temporary name and renamed into place; `audit.json`, which
        alone says what exists, is replaced last.
        """
        entry = {
            "seconds": round(seconds, 3),
            "findings": {finding.name: self._save(finding) for finding in findings},
        }
        failed = {name: why for name, why in self.failed.items() if name != lens}
        audit = dataclasses.replace(self, lenses={**self.lenses, lens: entry}, failed=failed)
        audit.publish()
        return audit

    def _save(self, finding: Finding) -> dict[str, Any]:
        table = f"tables/{finding.name}.parquet"
        arrays = {name: f"arrays/{name}.npy" for name in finding.arrays}
        self._write(table, finding.table.save)
        for name, file in arrays.items():
            self._write(file, lambda path, name=name: _save_array(path, finding, name))
        return {
            "table": self._listed(table),
            "arrays": {name: self._listed(file) for name, file in arrays.items()},
            "statements": list(finding.statements),
            "caveats": list(finding.caveats),
            "schema": finding.schema.record(),
        }

    def _write(self, file: str, write: Callable[[Path], object]) -> None:
        write_whole(self.path / file, write, within=self.path)

    def _listed(self, file: str) -> dict[str, str]:
        return {"path": file, "sha256": sha256(self.path / file)}

    def publish(self) -> None:
        """Write `audit.json`, which alone says what the folder holds."""
        record = {
            "schema_version": SCHEMA_VERSION,
            "provenance": self.provenance,
            "lenses": self.lenses,
            **({"failed": self.failed} if self.failed else {}),
        }
        text = json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        self._write("audit.json", lambda path: path.write_text(text, encoding="utf-8"))


def _check_unchanged(path: Path, digest: str, file: Mapping[str, str]) -> None:
    if digest != file["sha256"]:
        raise AuditError(f"'{path}' was changed after the run; run the audit again")


@contextmanager
def _readable(path: Path) -> Generator[None]:
    """Read a file whose bytes may be anything, and tell it where they are something else."""
    try:
        yield
    except (OSError, ValueError, TypeError, NotImplementedError, MemoryError) as error:
        message = shortened(str(error))
        raise AuditError(f"'{path}' is damaged: {message}; run the audit again") from error


def difference(saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Say in which of what decides an audit two records differ."""
    decisive = ("model", "weights", "data", "data_sha256", "classes", "score", "seed", "settings")
    names = [n for n in (*decisive, "versions", "threads") if saved.get(n) != wanted.get(n)]
    return "different " + (", ".join(names) or "run")


def _save_array(path: Path, finding: Finding, name: str) -> None:
    with path.open("wb") as file:
        np.save(file, finding.arrays[name], allow_pickle=False)
