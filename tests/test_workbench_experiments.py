"""Sets of units that were given a name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from holistic.errors import HolisticError
from holistic.workbench.experiments import (
    experiments,
    forget_experiment,
    save_experiment,
)
from planted_live import HOSTILE


def test_experiments_are_kept_whole_under_ids_that_say_nothing(tmp_path: Path) -> None:
    asked = {"units": [["1", 0]], "edit": "mean"}
    (tmp_path / "audit.json").write_text("{}")
    first = save_experiment(tmp_path, HOSTILE, asked, {"n": 1})
    save_experiment(tmp_path, "../../etc/passwd", asked, {"n": 2})
    kept = experiments(tmp_path)
    assert [one["name"] for one in kept] == [HOSTILE, "../../etc/passwd"]
    assert kept[0]["id"] == first
    files = sorted(p.name for p in (tmp_path / "experiments").iterdir())
    assert all(re.fullmatch(r"[0-9a-f]{16}\.json", name) for name in files)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["audit.json", "experiments"]
    for wrong in ("", "  ", "n" * 121, None, 7):
        with pytest.raises(HolisticError):
            save_experiment(tmp_path, wrong, {}, {})
    (tmp_path / "experiments" / "other.json").write_text("{}")
    assert len(experiments(tmp_path)) == 2


def test_nothing_is_kept_outside_of_an_audit_s_folder(tmp_path: Path) -> None:
    audit, elsewhere = tmp_path / "audit", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(HolisticError, match="gone"):
        save_experiment(audit, "a name", {}, {})
    assert not audit.exists()
    audit.mkdir()
    (audit / "audit.json").write_text("{}")
    (audit / "experiments").symlink_to(elsewhere)
    with pytest.raises(HolisticError, match="no folder"):
        save_experiment(audit, "a name", {}, {})
    assert not list(elsewhere.iterdir())
    (audit / "experiments").unlink()
    (audit / "experiments").write_text("a file")
    with pytest.raises(HolisticError, match="no folder"):
        save_experiment(audit, "a name", {}, {})


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "half',
        "[" * 100_000,
        "[]",
        '{"name": "a", "asked": {"units": [["1", 0]], "edit": "mean"}}',
        '{"name": "a", "asked": {"units": [["1", 0]], "edit": "mean"}, "found": NaN}',
        '{"name": "\\ud800", "asked": {"units": [["1", 0]], "edit": "mean"}, "found": 1}',
        '{"name": 7, "asked": {"units": [["1", 0]], "edit": "mean"}, "found": 1}',
        '{"name": "a", "asked": {"units": [["1", true]], "edit": "mean"}, "found": 1}',
        '{"name": "a", "asked": {"units": [[1, 0]], "edit": "mean"}, "found": 1}',
        '{"name": "a", "asked": {"units": 7, "edit": "mean"}, "found": 1}',
        '{"name": "a", "asked": {"units": [["1", 0]]}, "found": 1}',
        '{"name": "a", "asked": null, "found": 1}',
    ],
)
def test_files_that_are_no_experiments_are_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "audit.json").write_text("{}")
    save_experiment(tmp_path, "one", {"units": [["1", 0]], "edit": "mean"}, {"n": 1})
    (tmp_path / "experiments" / ("0" * 16 + ".json")).write_text(text)
    assert [one["name"] for one in experiments(tmp_path)] == ["one"]


@pytest.mark.parametrize(
    "found",
    [
        1,
        {"classes": []},
        {"classes": [{"n": 3, "before": 1, "after": 2, "drop": 3}]},
        {"classes": [{"n": "many", "drop": {"value": 1, "lo": 0, "hi": 2}}]},
        {"classes": {"-1": 0}},
    ],
)
def test_an_answer_that_was_edited_is_left_out(tmp_path: Path, found: object) -> None:
    (tmp_path / "audit.json").write_text("{}")
    save_experiment(tmp_path, "one", {"units": [["1", 0]], "edit": "mean"}, found)
    assert [one["overall"] for one in experiments(tmp_path)] == [{}]


def test_only_experiments_are_deleted(tmp_path: Path) -> None:
    audit, elsewhere = tmp_path / "audit", tmp_path / "elsewhere"
    for folder in (audit, elsewhere):
        folder.mkdir()
        (folder / "audit.json").write_text("{}")
    asked = {"units": [["1", 0]], "edit": "mean"}
    kept = save_experiment(elsewhere, "theirs", asked, 1)
    (audit / "experiments").symlink_to(elsewhere / "experiments")
    assert experiments(audit) == []
    for ident in (kept, "../audit", "../../elsewhere/audit", 7, None):
        with pytest.raises(HolisticError, match="no such"):
            forget_experiment(audit, ident)
    assert (elsewhere / "experiments" / f"{kept}.json").is_file()
    forget_experiment(elsewhere, kept)
    assert experiments(elsewhere) == []


def test_a_set_is_kept_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "audit.json").write_text("{}")
    write = Path.write_text

    def full(path: Path, text: str, **settings: Any) -> int:
        write(path, text[:20], **settings)
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="space"):
        save_experiment(tmp_path, "one", {"units": [["1", 0]], "edit": "mean"}, 1)
    assert not list((tmp_path / "experiments").glob("*.json"))


def test_a_folder_holds_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holistic.workbench.experiments._MOST", 2)
    (tmp_path / "audit.json").write_text("{}")
    asked = {"units": [["1", 0]], "edit": "mean"}
    for _ in range(2):
        save_experiment(tmp_path, "one", asked, 1)
    with pytest.raises(HolisticError, match="holds 2"):
        save_experiment(tmp_path, "one", asked, 1)
    assert len(experiments(tmp_path)) == 2


def test_files_that_lead_elsewhere_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text("{}")
    kept = save_experiment(tmp_path, "one", {"units": [["1", 0]], "edit": "mean"}, 1)
    place = tmp_path / "experiments"
    (place / f"{kept}.json").rename(tmp_path / "elsewhere.json")
    (place / f"{kept}.json").symlink_to(tmp_path / "elsewhere.json")
    assert experiments(tmp_path) == []
