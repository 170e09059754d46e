"""Shows that the page's script finds in the page what the audit holds, and nothing that harms."""

from __future__ import annotations

import base64
import gzip
import importlib
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import planted_report
from holistic.lenses._contract import declared_schema, lens_names
from holistic.lenses._places import lens_part
from holistic.report import page
from holistic.report import rows as rows_of_pages
from holistic.report.embedded import bundle, lacks_arrays, numbers, outline, site_names
from holistic.report.figures import figures_of
from holistic.report.places import brought
from holistic.report.saved import Audit
from holistic.results.findings import Finding
from holistic.results.schema import Array, Schema
from made import a_finding
from planted_report import CLASSES, SITES, table

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return planted_report.audit(tmp_path_factory.mktemp("audit"))


def unpacked(audit: Audit) -> dict[str, Any]:
    packed = json.loads(numbers(audit))["gzip"]
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def cells(column: dict[str, Any]) -> list[Any]:
    """Read a column back as the page's script does."""
    values = column.get("values")
    if values is None:
        runs = column["runs"]
        values = [v for v, n in zip(runs[::2], runs[1::2], strict=True) for _ in range(n)]
    names = column.get("names")
    return [None if v is None else names[v] for v in values] if names is not None else values


def saved(tmp_path: Path, *findings: Finding) -> Audit:
    return Audit.create(tmp_path / "few", {"key": "0"}).add("own", list(findings), 0.1)


def test_every_column_comes_back_to_four_digits(audit: Audit) -> None:
    found = unpacked(audit)["tables"]
    assert set(found) == set(audit.names)
    for name in audit.names:
        data = audit[name].data
        for column, encoded in zip(audit[name].columns, found[name], strict=True):
            wanted, got = data[column.name].to_pylist(), cells(encoded)
            if column.kind == "float64":
                assert [v is None for v in got] == [v is None for v in wanted]
                known = [(a, b) for a, b in zip(got, wanted, strict=True) if a is not None]
                assert np.allclose([a for a, _ in known], [b for _, b in known], rtol=6e-4)
            else:
                assert got == wanted


def test_outline_names_lenses_sites_classes_and_meanings(audit: Audit) -> None:
    told = json.loads(outline(audit))
    assert told["classes"] == list(CLASSES)
    assert told["sites"][:2] == list(SITES) == site_names(audit)[:2]
    assert [lens["name"] for lens in told["lenses"]] == list(audit.lenses)
    units = told["findings"]["ablation.units"]
    assert units["title"] == "One unit at a time"
    assert units["total"] == len(audit["ablation.units"])
    assert [c["name"] for c in units["columns"]] == list(audit["ablation.units"].names)


def test_no_name_ends_the_element_that_holds_it(audit: Audit) -> None:
    assert "<" not in outline(audit)
    assert "<" not in numbers(audit)


@pytest.mark.parametrize("live", [False, True])
def test_no_script_ends_its_own_element(live: bool) -> None:
    script, styles = bundle(live=live)
    assert script
    assert styles
    assert not re.search(r"</(script|style)|<!--", script + styles, re.IGNORECASE)
    # the live page asks a server on this machine, so its weight matters less than a sent report's
    assert len(script) + len(styles) <= (400_000 if live else 300_000)


def test_long_tables_keep_the_largest_rows_in_their_order(tmp_path: Path) -> None:
    size = np.arange(400_000) % 1000
    rows = table(name=["x"] * len(size), effect=(-size / 10).tolist())
    name, effect = unpacked(saved(tmp_path, a_finding("own.long", rows)))["tables"]["own.long"]
    kept = cells(effect)
    assert len(cells(name)) == len(kept) == 180_000
    assert min(abs(v) for v in kept) >= 54.9
    assert kept[:3] == [-55, -55.1, -55.2]


def test_images_are_cut_from_one_sheet(audit: Audit) -> None:
    images = unpacked(audit)["images"]
    data = base64.b64decode(images["sheet"].removeprefix("data:image/png;base64,"))
    sheet = np.asarray(Image.open(io.BytesIO(data)))
    pictures = audit.finding("activation.examples").arrays["activation.images"]
    for place, example in enumerate(images["examples"]):
        top = images["height"] * (place // images["across"])
        left = images["width"] * (place % images["across"])
        cut = sheet[top : top + images["height"], left : left + images["width"]]
        assert np.array_equal(cut, pictures[example])
        assert images["labels"][place] == example % 3


def read_back(packed: dict[str, Any]) -> np.ndarray:
    if "values" in packed:
        return np.array(packed["values"], float).reshape(packed["shape"])
    raw = np.frombuffer(base64.b64decode(packed["bytes"]), np.uint8).reshape(packed["shape"])
    if "limit" not in packed:
        return raw.astype(float)
    signed = raw.view(np.int8).astype(float)
    return np.where(signed == -128, np.nan, signed * packed["limit"] / 127)


def test_a_control_stays_whole_where_a_long_table_is_cut(tmp_path: Path) -> None:
    size = np.arange(200_000) / 2e5
    kind = np.where(size < 0.0005, "random", "all")
    rows = table(kind=kind.tolist(), effect=size.tolist())
    name, effect = unpacked(saved(tmp_path, a_finding("own.long", rows)))["tables"]["own.long"]
    kinds, kept = cells(name), cells(effect)
    assert kinds.count("random") == 100
    assert len(kept) == 180_000
    assert min(v for k, v in zip(kinds, kept, strict=True) if k == "all") == pytest.approx(0.1005)


def test_the_largest_is_the_number_with_an_interval(tmp_path: Path) -> None:
    """Of a pair its interaction, not the effect of one of its units, which comes first."""
    n = 200_000
    interaction = np.arange(n) / n
    rest = (1 - interaction).tolist()
    rows = table(effect_a=rest, interaction=interaction.tolist(), se=rest,
                 lo=(interaction - 1).tolist(), hi=(interaction + 1).tolist(),
                 about={"lo": {"role": "lo", "of": "interaction"}, "se": {"role": ""},
                        "hi": {"role": "hi", "of": "interaction"}})  # fmt: skip
    held = saved(tmp_path, a_finding("own.pairs", rows))
    _, kept, *_ = unpacked(held)["tables"]["own.pairs"]
    assert min(cells(kept)) == pytest.approx(1 - 72_000 / n)
    told = json.loads(outline(held))["findings"]["own.pairs"]
    assert told["kept"] == "with the largest interaction"


def test_scores_of_other_units_are_cut_alike(tmp_path: Path) -> None:
    n = 100_000
    score = ["margin", "accuracy"] * n
    effect = np.arange(2 * n) / n * np.where(np.arange(2 * n) % 2, 1e-6, 1.0)
    rows = table(score=score, effect=effect.tolist(), other=[0.0] * 2 * n)
    name, *_ = unpacked(saved(tmp_path, a_finding("own.scores", rows)))["tables"]["own.scores"]
    kept = cells(name)
    assert [kept.count("margin"), kept.count("accuracy")] == [60_000, 60_000]


def test_curves_are_thinned_and_keep_their_controls_and_ends(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    points, curves = 500, 400
    k = np.tile(np.arange(points), curves)
    control = np.where(k % 50 == 7, rng.uniform(size=len(k)), np.nan)
    rows = table(k=k.tolist(), accuracy=np.where(k < 100, 1.0, 0.0).tolist(),
                 random=[None if np.isnan(v) else v for v in control.tolist()],
                 about={"k": {"role": "along"},
                        "random": {"role": "control", "of": "accuracy"}})  # fmt: skip
    held = saved(tmp_path, a_finding("own.curves", rows))
    size, accuracy, random = map(cells, unpacked(held)["tables"]["own.curves"])
    assert sum(v is not None for v in random) == curves * 10
    assert {size.count(n) for n in set(size)} == {curves}
    assert (min(size), max(size)) == (0, points - 1)
    assert 0 in accuracy
    assert np.diff(sorted(set(size))).max() <= 2


def test_arrays_come_back_or_their_still_picture_stays(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    small = rng.normal(size=(7, 3)).astype(np.float32)
    small[2, 1] = np.nan
    large = rng.normal(size=(160, 160)).astype(np.float32)
    large[5, 5] = np.nan
    arrays = {
        "own.small": small,
        "own.large": large,
        "own.pixels": rng.integers(0, 256, (4, 5, 5)).astype(np.uint8),
        "own.huge": np.zeros((2000, 2000), np.float32),
    }
    made = saved(tmp_path, a_finding("own.table", table(value=[0.5]), arrays=arrays))
    found = unpacked(made)["arrays"]
    assert set(found) == {"own.small", "own.large", "own.pixels"}
    assert np.allclose(read_back(found["own.small"]), small, rtol=6e-4, equal_nan=True)
    step = np.nanmax(np.abs(large)) / 127
    assert np.allclose(read_back(found["own.large"]), large, atol=0.51 * step, equal_nan=True)
    assert np.array_equal(read_back(found["own.pixels"]), arrays["own.pixels"])
    assert lacks_arrays(made.finding("own.table"), found)
    assert not lacks_arrays(made.finding("own.table"), arrays)


def test_same_audit_packs_to_the_same_bytes(audit: Audit) -> None:
    assert numbers(audit) == numbers(audit)


def test_page_without_a_built_script_has_all_pictures(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.write_report(audit, tmp_path / "live.html")
    monkeypatch.setattr(page, "bundle", lambda **_: ("", ""))
    page.write_report(audit, tmp_path / "still.html")
    live, still = ((tmp_path / f"{n}.html").read_text(encoding="utf-8") for n in ("live", "still"))
    assert "<script" not in still
    assert still.count("<img") > live.count("<img")


def test_figures_and_views_are_those_of_findings_of_their_place() -> None:
    """A figure or a view of a finding that isn't declared would never be seen."""
    views = {f"{p.parent.name}.{p.stem}" for p in (ROOT / "web/src/lenses").glob("*/[a-z]*.tsx")}
    figures = {
        f"{lens}.{name}"
        for lens in lens_names()
        if (home := lens_part(lens, "figures"))
        for name in importlib.import_module(home).__all__
    }
    assert len(figures) > 20
    assert len(views) > 25
    assert [name for name in views | figures if declared_schema(name) is None] == []
    for name in figures:
        assert brought(name.split(".")[0], "figures", name.split(".")[1]) is not None


def test_no_other_function_of_a_lens_draws_a_finding(tmp_path: Path) -> None:
    """Names of findings come from audits, and these from anywhere."""
    for lens, name in (("ablation", "grid"), ("ablation", "np"), ("activation", "_wall"),
                       ("ablation", "__doc__"), ("nobody", "units"), ("sites", "sites"),
                       ("ablation", "")):  # fmt: skip
        assert brought(lens, "figures", name) is None
        finding = a_finding(f"{lens}.{name}", table(x=["no number"]))
        assert list(figures_of(finding, Audit(tmp_path))) == []


def test_the_outline_says_what_columns_are_where_it_is_set(tmp_path: Path) -> None:
    about: dict[str, dict[str, Any]] = {
        "site": {"role": "key"},
        "drop": {"worse": 1, "signed": True, "beyond": True, "neutral": 0.5},
        "lo": {"role": "lo", "of": "drop"},
        "seen": {},
    }
    rows = table(about=about, site=["a"], drop=[0.1], lo=[0.0], seen=[3])
    schema = Schema("own.rows", "Own rows", lead="Is it so?", view="dots", across="site seen")
    told = json.loads(outline(saved(tmp_path, Finding(schema, rows))))["findings"]["own.rows"]
    assert {n: told[n] for n in ("title", "lead", "view", "across")} == {
        "title": "Own rows", "lead": "Is it so?", "view": "dots", "across": "site seen",
    }  # fmt: skip
    plain = {"name", "kind", "unit", "meaning", "of", "words"}
    site, drop, lo, seen = ({k: v for k, v in c.items() if k not in plain} for c in told["columns"])
    assert site == {"role": "key"}
    assert drop == {"role": "value", "worse": 1, "signed": True, "beyond": True, "neutral": 0.5}
    assert (lo, seen) == ({"role": "lo"}, {})
    bare = json.loads(outline(saved(tmp_path / "b", a_finding("own.rows", rows))))
    assert {"lead", "view", "across"}.isdisjoint(bare["findings"]["own.rows"])


@pytest.mark.parametrize(("size", "told"), [("least", "least"), ("name", "most"), ("no", "most")])
def test_a_row_s_size_is_the_number_that_its_schema_names(
    tmp_path: Path, size: str, told: str
) -> None:
    """Of no such column, or one of names, it is the first number."""
    n = 100
    rows = table(name=["x"] * n, most=[float(i) for i in range(n)],
                 least=[float(n - i) for i in range(n)])  # fmt: skip
    schema = Schema("own.rows", "Own", size=size, cells=30)
    page = saved(tmp_path, Finding(schema, rows))
    _, most, least = map(cells, unpacked(page)["tables"]["own.rows"])
    assert min({"most": most, "least": least}[told]) >= 90
    assert len(most) == 10


def test_no_schema_asks_for_more_room_than_a_page_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_of_pages, "_MOST", 100)
    for most, kept in ((10**15, 100), (7, 7)):
        schema = Schema("own.rows", "Own", cells=most)
        made = saved(tmp_path / str(most), Finding(schema, table(x=[float(i) for i in range(500)])))
        [column] = unpacked(made)["tables"]["own.rows"]
        assert len(cells(column)) == kept


def test_the_examples_of_any_finding_have_pictures(tmp_path: Path) -> None:
    """What an array is to pictures is declared, not guessed by its name."""
    rng = np.random.default_rng(0)
    declared = {
        "shots": Array("uint8", "shots any any", pictures="images"),
        "places": Array("int64", "shots", pictures="ids"),
        "kinds": Array("int64", "shots", pictures="labels"),
    }
    arrays = {
        "own.shots": rng.integers(0, 256, (3, 4, 4), dtype=np.uint8),
        "own.places": np.array([7, 8, 9]),
        "own.kinds": np.array([0, 1, 0]),
    }
    single = Schema("own.cases", "Cases", examples=True)
    made = saved(
        tmp_path,
        Finding(Schema("own.seen", "Seen", arrays=declared), table(x=[1.0]), arrays=arrays),
        Finding(single, table(example=[9])),
    )
    found = unpacked(made)
    assert found["images"]["examples"] == [9, 7, 8]
    assert found["images"]["labels"] == [0, 0, 1]
    assert found["arrays"] == {}
    assert not lacks_arrays(made.finding("own.seen"), ())


def test_a_long_table_keeps_what_pages_tell_of(tmp_path: Path) -> None:
    """The first ranks of each site and class, and every unit's preferred class, however small."""
    rng = np.random.default_rng(0)
    units, classes = 30_000, list("abc")
    unit = np.repeat(np.arange(units), 3)
    effect = rng.normal(size=3 * units)
    rank = np.concatenate([rng.permutation(units) for _ in classes]).reshape(3, -1).T.ravel() + 1
    preferred = np.repeat(rng.choice(classes, units), 3)
    rows = table(site=["s"] * 3 * units, unit=unit.tolist(), class_=classes * units,
                 effect=effect.tolist(), rank=rank.tolist(),
                 preferred_class=preferred.tolist())  # fmt: skip
    made = saved(tmp_path, a_finding("own.units", rows))
    _, _, own, _, place, liked = map(cells, unpacked(made)["tables"]["own.units"])
    assert len(own) == 60_000
    assert sum(r <= 10 for r in place) == 30
    assert sum(a == b for a, b in zip(own, liked, strict=True)) == units
    told = json.loads(outline(made))["findings"]["own.units"]
    assert told["kept"] == "with the largest effect, after the first ranks and one of every unit"


def test_rows_of_whole_sites_stay(tmp_path: Path) -> None:
    n = 200_000
    unit = [None if i % 1000 == 0 else i for i in range(n)]
    rows = table(unit=unit, recovery=(np.arange(n) / n).tolist())
    kept, _ = map(
        cells,
        unpacked(saved(tmp_path, a_finding("own.sites", rows)))["tables"]["own.sites"],
    )
    assert len(kept) == 180_000
    assert kept.count(None) == 200
