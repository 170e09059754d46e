"""Shows that audits come back as they were saved, and that damage is always told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holistic.errors import AuditError, HolisticError
from holistic.report.saved import Audit, load
from holistic.results.findings import Finding
from holistic.results.folder import SCHEMA_VERSION
from made import a_finding
from test_tables import small

NUMBER = st.floats(allow_nan=False, allow_infinity=False)
KEY = {"key": "k", "model": "m", "seed": 0}


def found(name: str = "one.units", *effects: float | None) -> Finding:
    arrays = {f"{name}.map": np.arange(6, dtype=np.float32).reshape(2, 3)}
    return a_finding(name, small(*(effects or (1.0, None))), ("it – says",), ("careful",), arrays)


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    made = Audit.create(tmp_path / "audit", KEY)
    return made.add("one", [found(), found("one.more", 2.0)], 1.23456)


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_an_audit_comes_back(audit: Audit) -> None:
    loaded = load(str(audit.path))
    assert loaded == audit
    assert loaded.names == ("one.units", "one.more")
    assert "one.units" in loaded
    assert "two.units" not in loaded
    assert loaded.lenses["one"]["seconds"] == 1.235
    finding = loaded.finding("one.units")
    assert finding.lens == "one"
    assert (finding.statements, finding.caveats) == (("it – says",), ("careful",))
    assert finding.table == found().table == loaded["one.units"]
    np.testing.assert_array_equal(finding.arrays["one.units.map"], [[0, 1, 2], [3, 4, 5]])
    assert finding.arrays["one.units.map"].dtype == np.float32


@settings(deadline=None, max_examples=20)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    array=st.lists(st.lists(NUMBER, min_size=2, max_size=2), max_size=4),
)
def test_words_and_arrays_come_back(
    text: str, array: list[list[float]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    values = np.array(array).reshape(-1, 2)
    finding = a_finding("a.b", small(1.0), (text,), (text,), {"a.b": values})
    made = Audit.create(tmp_path_factory.mktemp("a"), {"key": text, "classes": [text]})
    made.add("a", [finding], 0)
    loaded = load(made.path)
    assert loaded.provenance == {"key": text, "classes": [text]}
    back = loaded.finding("a.b")
    assert back.statements == back.caveats == (text,)
    np.testing.assert_array_equal(back.arrays["a.b"], values)


def test_the_same_findings_give_the_same_bytes(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        Audit.create(folder, KEY).add("one", [found()], 1)
    assert content(folders[0]) == content(folders[1])
    assert set(content(folders[0])) == {
        "audit.json",
        "tables/one.units.parquet",
        "arrays/one.units.map.npy",
    }


def test_a_lens_that_is_added_again_replaces_itself(audit: Audit) -> None:
    audit = audit.add("two", [found("two.units")], 0).add("one", [found("one.units", 9.0)], 0)
    assert load(audit.path).names == ("one.units", "two.units")
    assert list(load(audit.path)["one.units"].column("effect")) == [9.0]


@pytest.mark.parametrize("file", ["tables/one.units.parquet", "arrays/one.units.map.npy"])
@pytest.mark.parametrize("damage", ["flip", "cut", "longer", "missing", "folder"])
def test_damaged_files_are_told(audit: Audit, file: str, damage: str) -> None:
    path = audit.path / file
    data = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        flipped = data[:-1] + bytes([data[-1] ^ 1])
        path.write_bytes({"flip": flipped, "cut": data[:-1], "longer": data + b"\0"}[damage])
    with pytest.raises(AuditError, match=r"(missing|changed after the run); run the audit again"):
        load(audit.path).finding("one.units")
    assert load(audit.path)["one.more"].column("effect") == [2.0]


def test_a_table_is_read_without_its_arrays(audit: Audit) -> None:
    (audit.path / "arrays/one.units.map.npy").unlink()
    assert len(load(audit.path)["one.units"]) == 2


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_no_damage_to_the_record_escapes_as_a_bug(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = Audit.create(tmp_path_factory.mktemp("a"), KEY).add("one", [found()], 0)
    path = made.path / "audit.json"
    text = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=4))
    path.write_bytes(bytes(text))
    told = ""
    try:
        for name in (loaded := load(made.path)).names:
            loaded.finding(name)
    except HolisticError as error:
        told = str(error)
    assert "\n" not in told


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (b"", "can't be read"),
        (b"\xff\xfe", "can't be read"),
        (b"[" * 200_000, "can't be read"),
        (b"[]", "schema version None"),
        (b'{"schema_version": 99}', f"schema version 99, this program reads {SCHEMA_VERSION}"),
        (b'{"schema_version": 2}', "damaged"),
        (b'{"schema_version": 2, "provenance": {"key": "k"}, "lenses": []}', "damaged"),
        (b'{"schema_version": 2, "provenance": {}, "lenses": {}}', "damaged"),
        (b'{"schema_version": 2, "provenance": {"key": 1}, "lenses": {"a": {}}}', "damaged"),
    ],
)
def test_a_damaged_record_is_told_in_one_line(tmp_path: Path, record: bytes, told: str) -> None:
    (tmp_path / "audit.json").write_bytes(record)
    ways = [load, lambda path: Audit.create(path, KEY), Audit.find]
    if told == "can't be read":  # a run makes such a record again, and names it
        del ways[1:]
    for way in ways:
        with pytest.raises(AuditError, match=told) as caught:
            way(tmp_path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["a\0b", "a\nb", "\ud800", 7, None])
def test_a_record_can_t_name_impossible_files(audit: Audit, path: object) -> None:
    record = json.loads((audit.path / "audit.json").read_text(encoding="utf-8"))
    record["lenses"]["one"]["findings"]["one.units"]["table"]["path"] = path
    (audit.path / "audit.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(AuditError, match="is damaged"):
        load(audit.path)


@pytest.mark.parametrize(
    "path", ["../secret.parquet", "/etc/hostname", "tables/../../secret.parquet"]
)
def test_a_record_can_t_point_outside_of_its_folder(audit: Audit, path: str) -> None:
    small(1.0).save(audit.path.parent / "secret.parquet")
    record = json.loads((audit.path / "audit.json").read_text(encoding="utf-8"))
    file = record["lenses"]["one"]["findings"]["one.units"]["table"]
    file["path"] = path
    file["sha256"] = sha256((audit.path.parent / "secret.parquet").read_bytes()).hexdigest()
    (audit.path / "audit.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(AuditError, match="outside"):
        load(audit.path)["one.units"]


def test_missing_audits_and_findings_are_told(audit: Audit, tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"it has no audit\.json; make one with 'holistic run'"):
        load(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(AuditError, match="can't be read"):
        load(tmp_path / "file")
    with pytest.raises(AuditError, match=r"no finding 'one.unit' \(did you mean 'one.units'\?\)"):
        audit["one.unit"]


# Folders that are taken, resumed, cut off


def test_a_run_goes_on_in_its_own_folder(audit: Audit) -> None:
    before = content(audit.path)
    again = Audit.create(audit.path, KEY)
    assert again == audit
    assert content(audit.path) == before


@pytest.mark.parametrize(
    ("change", "told"),
    [({"seed": 1}, "different seed"), ({"model": "n", "seed": 2}, "different model, seed"),
     ({}, "different run")],
)  # fmt: skip
def test_another_run_doesn_t_touch_the_folder(audit: Audit, change: dict, told: str) -> None:
    before = content(audit.path)
    with pytest.raises(AuditError, match=f"holds another audit \\({told}\\); choose another"):
        Audit.create(audit.path, {**KEY, **change, "key": "other"})
    assert content(audit.path) == before


@pytest.mark.parametrize("kind", ["file", "full folder", "hidden file"])
def test_a_taken_folder_is_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    if kind != "file":
        path.mkdir()
    mine = {"file": path, "full folder": path / "thesis.tex", "hidden file": path / ".env"}[kind]
    mine.write_text("mine")
    for way in (lambda: Audit.create(path, KEY), lambda: Audit.find(path)):
        with pytest.raises(AuditError, match="is taken by other files"):
            way()
    assert content(tmp_path) == {str(mine.relative_to(tmp_path)): b"mine"}


def test_an_empty_folder_is_free(tmp_path: Path) -> None:
    assert Audit.find(tmp_path) is None
    assert Audit.find(tmp_path / "new") is None
    assert not (tmp_path / "new").exists()
    (tmp_path / ".audit.json.17.tmp").write_text("left by a killed run")
    assert Audit.create(tmp_path, KEY).names == ()


@pytest.mark.parametrize("breaks", range(1, 7))
def test_a_lens_is_published_whole_or_not_at_all(
    audit: Audit, breaks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail at each rename of an `add` in turn; what was published before stays readable."""
    before = load(audit.path)
    steps, real = [0], Path.replace

    def replace(self: Path, target: Path) -> Path:
        steps[0] += 1
        if steps[0] == breaks:
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    new = [found("two.units"), found("two.more")]
    if breaks <= 5:
        with pytest.raises(OSError, match="No space"):
            audit.add("two", new, 0)
    else:
        audit.add("two", new, 0)
    after = load(audit.path)
    assert after.names == before.names + (() if breaks <= 5 else ("two.units", "two.more"))
    for name in after.names:
        after.finding(name)
    assert not list(audit.path.rglob("*.tmp"))


def test_a_killed_write_leaves_the_published_audit(audit: Audit) -> None:
    """Die in the middle of writing the record; the folder still holds what it held."""
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom holistic.report.saved import load\n"
        "from holistic.results.findings import Finding\n"
        "from holistic.results.schema import Schema\n"
        "audit = load(sys.argv[1])\n"
        "Path.replace = lambda self, target: os._exit(9)\n"
        "audit.add('two', [Finding(Schema('two.units', 'Two'), audit['one.units'])], 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(audit.path)], check=False)
    assert done.returncode == 9
    assert load(audit.path) == audit
    audit.add("two", [found("two.units")], 0)
    assert load(audit.path).names[-1] == "two.units"


def test_a_provenance_that_json_can_t_hold_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        Audit.create(tmp_path / "a", {"key": "k", "accuracy": float("nan")})
    assert not (tmp_path / "a" / "audit.json").exists()


def test_findings_import_neither_torch_nor_what_takes_long() -> None:
    heavy = ("torch", "pandas", "matplotlib", "scipy", "sklearn", "pyarrow")
    code = f"import sys, holistic.results.folder; print([m for m in {heavy} if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == "[]"
