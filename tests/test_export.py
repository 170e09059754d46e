"""Is a saved audit told to other programs whole: as text, figures, files, and a tracker's run?"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import types
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import planted_report
from holistic.cli import main
from holistic.errors import AuditError, SettingError
from holistic.report.drawn import drawn_names
from holistic.report.loggers import numbers
from holistic.report.saved import Audit

MAGIC = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
KINDS = ["csv", "json", "zarr"]


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return planted_report.audit(tmp_path_factory.mktemp("audit"))


@pytest.fixture(scope="module")
def exported(audit: Audit, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("exported")
    return {to: audit.export(place / to, to=to) for to in KINDS}


def test_the_summary_is_plain_text_of_what_a_reader_wants_first(audit: Audit) -> None:
    text = audit.summary()
    assert text.startswith(f"# {audit.provenance['model']} on {audit.provenance['data']}\n")
    assert "Accuracy " in text
    for lens, entry in audit.lenses.items():
        first = [s for n in entry["findings"] if (s := audit.finding(n).brief)]
        assert not first or f"## {lens}\n" in text
        assert all(f"- {sentence}" in text for sentence in first)
    assert all(f"- {caveat}" in text for caveat in audit.caveats)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) > 4
    assert all(line.endswith("|") for line in rows)
    assert "\x1b" not in text


@pytest.mark.parametrize("kind", MAGIC)
def test_figures_are_saved_with_the_same_bytes(audit: Audit, kind: str, tmp_path: Path) -> None:
    some = audit.figure("mechanism.flow")
    assert len(some.figures) == len(some.captions) > 0
    first, again = some.save(tmp_path / f"a.{kind}"), some.save(tmp_path / f"b.{kind}")
    assert len(first) == (1 if kind == "pdf" else len(some.figures))
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes().startswith(MAGIC[kind])
        assert one.read_bytes() == other.read_bytes()
    assert some.captions[0] in repr(some)
    assert some._repr_html_().count("<img ") == len(some.figures)


def test_several_figures_are_several_files_or_pages(audit: Audit, tmp_path: Path) -> None:
    several = next(d for d in map(audit.figure, drawn_names(audit)) if len(d.figures) > 1)
    count = len(several.figures)
    names = [path.name for path in several.save(tmp_path / "f.png")]
    assert names == [f"f-{n}.png" for n in range(1, count + 1)]
    (pages,) = several.save(tmp_path / "f.pdf")
    assert pages.read_bytes().count(b"/Type /Page ") == count


def test_what_can_t_be_drawn_is_told(audit: Audit, tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"no finding 'mechanism\.flw' .did you mean"):
        audit.figure("mechanism.flw")
    with pytest.raises(SettingError, match=r"saved as '.png', .*got 'f.gif'"):
        audit.figure("mechanism.flow").save(tmp_path / "f.gif")


def cells(values: list[Any]) -> list[str]:
    return ["" if v is None else str(v) for v in values]


def test_csv_holds_every_cell_and_says_what_columns_are(
    audit: Audit, exported: dict[str, Path]
) -> None:
    folder = exported["csv"]
    told = {f["name"]: f for f in json.loads((folder / "audit.json").read_text())["findings"]}
    assert list(told) == list(audit.names)
    for name in audit.names:
        finding = audit.finding(name)
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
        assert head == list(finding.table.names)
        assert rows == [cells(list(row.values())) for row in finding.table.rows()]
        units = {c["name"]: (c.get("unit", ""), c["meaning"]) for c in told[name]["columns"]}
        assert units == {c.name: (c.unit, c.meaning) for c in finding.table.columns}
        for array, values in finding.arrays.items():
            np.testing.assert_array_equal(np.load(folder / f"{array}.npy"), values)


def test_json_holds_every_row(audit: Audit, exported: dict[str, Path]) -> None:
    folder = exported["json"]
    for name in audit.names:
        document = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        assert document["rows"] == list(audit[name].rows())
        assert document["statements"] == list(audit.finding(name).statements)
    whole = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    assert whole["findings"] == list(audit.names)
    assert whole["provenance"]["model"] == audit.provenance["model"]


def test_zarr_holds_columns_arrays_units_and_axes(audit: Audit, exported: dict[str, Path]) -> None:
    import zarr

    root = zarr.open_consolidated(str(exported["zarr"]))
    assert sorted(root.group_keys()) == sorted(audit.names)
    for name in audit.names:
        finding, group = audit.finding(name), root[name]
        assert group.attrs["title"] == finding.schema.title
        for column in finding.table.columns:
            found, values = group[column.name], finding.table.column(column.name)
            assert found.attrs["meaning"] == column.meaning
            assert found.attrs.get("unit", "") == column.unit
            assert found.attrs["_ARRAY_DIMENSIONS"] == ["row"]
            if column.kind == "string":
                assert found[:].tolist() == [v or "" for v in values.tolist()]
            else:
                np.testing.assert_array_equal(found[:].astype(float), values.astype(float))
        for array, values in finding.arrays.items():
            np.testing.assert_array_equal(group[array][...], values)
            axes = group[array].attrs["_ARRAY_DIMENSIONS"]
            assert len(set(axes)) == len(axes) == values.ndim


def test_an_export_is_whole_or_not_at_all(
    audit: Audit, exported: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AuditError, match="is there already; choose a new folder"):
        audit.export(exported["csv"])
    with pytest.raises(SettingError, match=r"no format 'cvs' .did you mean 'csv'"):
        audit.export(tmp_path / "a", to="cvs")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("holistic.report.exported._arrays", full)
    with pytest.raises(OSError, match="No space"):
        audit.export(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", ["zarr", "tensorboard", "wandb", "mlflow"])
def test_a_missing_extra_says_what_to_install(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    for module in ("exported", "loggers"):
        monkeypatch.setattr(f"holistic.report.{module}.find_spec", lambda name: None)
    with pytest.raises(SettingError, match=rf"pip install 'holistic-interpretability\[{to}\]'"):
        audit.export(tmp_path / "z", to=to) if to == "zarr" else audit.log(to)


def test_the_command_exports(audit: Audit, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "tables"
    assert main(["export", str(audit.path), "--to", "json", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"export": str(out), "to": "json"}
    assert (out / "audit.json").is_file()
    assert main(["export", str(audit.path), "--to", "json", "--out", str(out)]) == 2
    assert capsys.readouterr().err.startswith(f"error: '{out}' is there already")


def test_none_of_it_needs_torch(audit: Audit, tmp_path: Path) -> None:
    code = (
        "import sys, holistic\n"
        f"audit = holistic.load({str(audit.path)!r})\n"
        f"audit.summary(), audit.export({str(tmp_path / 'csv')!r})\n"
        f"audit.figure('mechanism.flow').save({str(tmp_path / 'f.pdf')!r})\n"
        f"audit.log('tensorboard', {str(tmp_path / 'events')!r})\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_tensorboard_reads_what_is_logged(audit: Audit, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert audit.log("tensorboard", tmp_path) == str(tmp_path)
    events = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    events.Reload()
    tags = events.Tags()
    expected = dict(numbers(audit))
    assert {"accuracy/value", "accuracy/lo", "accuracy/hi"} <= set(expected)
    assert set(tags["scalars"]) == set(expected)
    for name, value in expected.items():
        assert events.Scalars(name)[0].value == pytest.approx(value, rel=1e-6)
    assert len(tags["images"]) >= len(drawn_names(audit)) - 1
    picture = events.Images(tags["images"][0])[0]
    assert picture.encoded_image_string.startswith(MAGIC["png"])
    (text,) = events.Tensors("summary")
    assert text.tensor_proto.string_val[0].decode() == audit.summary()


class FakeRun:
    """A run of Weights & Biases as far as it is used."""

    def __init__(self) -> None:
        self.summary: dict[str, float] = {}
        self.logged: dict[str, Any] = {}
        self.name, self.id, self.finished = "happy-run-1", "x1", False

    def log(self, what: dict[str, Any]) -> None:
        self.logged |= what

    def finish(self) -> None:
        self.finished = True


@pytest.mark.parametrize("active", [False, True])
def test_wandb_is_told(audit: Audit, monkeypatch: pytest.MonkeyPatch, active: bool) -> None:
    run, fake = FakeRun(), types.ModuleType("wandb")
    fake.run = run if active else None
    fake.init = lambda project, config: run if project == "p" and config else None
    fake.Html, fake.Image = (lambda text: text), (lambda figure: figure)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    monkeypatch.setattr("holistic.report.loggers.find_spec", lambda name: name)
    assert audit.log("wandb", "p") == "happy-run-1"
    assert run.summary == dict(numbers(audit))
    assert run.logged["summary"].startswith("<pre># ")
    assert run.finished is not active


@pytest.mark.parametrize("active", [False, True])
def test_mlflow_is_told(audit: Audit, monkeypatch: pytest.MonkeyPatch, active: bool) -> None:
    calls, fake = list[tuple[str, Any]](), types.ModuleType("mlflow")
    run = types.SimpleNamespace(info=types.SimpleNamespace(run_id="r1"))
    state = {"run": run if active else None}
    fake.active_run = lambda: state["run"]
    fake.set_experiment = lambda name: calls.append(("experiment", name))
    fake.start_run = lambda: state.update(run=run)
    fake.end_run = lambda: calls.append(("end", None))
    fake.log_metric = lambda name, value: calls.append(("metric", name))
    fake.log_text = lambda text, name: calls.append(("text", name))
    fake.log_figure = lambda figure, name: calls.append(("figure", name))
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    monkeypatch.setattr("holistic.report.loggers.find_spec", lambda name: name)
    assert audit.log("mlflow") == "r1"
    kinds = [kind for kind, _ in calls]
    assert kinds.count("metric") == len(dict(numbers(audit)))
    assert ("text", "summary.md") in calls
    assert kinds.count("figure") >= len(drawn_names(audit)) - 1
    assert (("end", None) in calls) is (("experiment", "holistic") in calls) is not active


@pytest.mark.skipif(find_spec("mlflow") is None, reason="mlflow isn't installed")
def test_mlflow_takes_it_in_earnest(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    run = mlflow.get_run(audit.log("mlflow"))
    assert run.data.metrics["accuracy/value"] == audit.provenance["accuracy"]["value"]


@pytest.mark.skipif(find_spec("wandb") is None, reason="wandb isn't installed")
def test_wandb_takes_it_in_earnest(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    assert audit.log("wandb", "tried")
    assert list(tmp_path.rglob("*.wandb"))


def test_an_unknown_logger_is_refused(audit: Audit) -> None:
    with pytest.raises(SettingError, match=r"no logger 'wandbb' .did you mean 'wandb'"):
        audit.log("wandbb")
