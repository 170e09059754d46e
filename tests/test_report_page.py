"""Does a report made without a model hold all findings, hostile names, gaps and nothing at all?"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import planted_report
from holistic.report import as_json, everything, write_report
from holistic.report.saved import Audit, load
from holistic.results.findings import Finding
from made import a_finding
from planted_report import CLASSES, SITES, STRONGEST, table

_VOID = {"meta", "img", "br", "source", "link", "hr"}


class Page(HTMLParser):
    """Elements with their attributes, and the text; complains about tags that don't match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.scripts if self._open[-1:] == ["script"] else self.words).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return planted_report.audit(tmp_path_factory.mktemp("audit"))


@pytest.fixture(scope="module")
def html(audit: Audit) -> str:
    path = audit.path.parent / "page.html"
    write_report(audit, path)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def printed(audit: Audit, width: int = 88) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(everything(audit))
    return out.getvalue()


def only(tmp_path: Path, *findings: Finding, **provenance: object) -> Audit:
    """Save an audit of these findings alone."""
    saved = Audit.create(tmp_path / "few", {"key": "0", **provenance})
    for lens in dict.fromkeys(f.lens for f in findings):
        saved = saved.add(lens, [f for f in findings if f.lens == lens], 0.1)
    return saved


def rendered(audit: Audit) -> Page:
    path = audit.path.parent / "few.html"
    write_report(audit, path)
    return Page(path.read_text(encoding="utf-8"))


def without_scripts(html: str) -> str:
    return re.sub(r"<script[ >].*?</script>", "", html, flags=re.DOTALL)


def test_page_asks_for_nothing_and_runs_its_own_script_only(html: str, page: Page) -> None:
    [policy] = [m for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in str(policy["content"])
    assert "unsafe" not in str(policy["content"])
    assert not {"link", "iframe", "object", "form"} & {tag for tag, _ in page.found}
    *data, own = page.all("script")
    assert [s["type"] for s in data] == ["application/json"] * 2
    assert own == {}
    for text in (page.scripts[-1], re.findall(r"<style>(.*?)</style>", html, re.DOTALL)[0]):
        found = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{found}'" in str(policy["content"])
    for _, attributes in page.found:
        assert not [name for name in attributes if name.startswith("on")]
        addresses = [v for n, v in attributes.items() if n in ("src", "srcset", "href") and v]
        assert all(a.startswith(("#", "data:image/")) for a in addresses)
    assert "url(" not in without_scripts(html)
    assert "@import" not in without_scripts(html)


def test_names_are_shown_and_never_read_as_markup(html: str, page: Page) -> None:
    assert "<script" not in without_scripts(html)
    assert html.count("<script>") == 1
    assert "<b>alone" not in html
    for name in (*CLASSES, *SITES, "m<i>lp", "d&ta"):
        assert name in page.text


def test_page_has_language_title_landmarks_and_contents(page: Page) -> None:
    assert page.all("html")[0]["lang"] == "en"
    assert {"header", "nav", "main", "title"} <= {tag for tag, _ in page.found}
    ids = [a["id"] for _, a in page.found if "id" in a]
    assert len(ids) == len(set(ids))
    anchors = [str(a["href"])[1:] for a in page.all("a")]
    assert set(anchors) <= set(ids)
    assert {"ablation", "tracing", "agreement"} <= set(anchors)


def test_headline_classes_and_units_have_cards_and_lead_to_the_table_without_scripts(
    page: Page,
) -> None:
    links = [a for a in page.all("a") if "data-card" in a]
    assert {a["href"] for a in links} >= {"#ablation.topk", "#ablation.units"}
    cards = [a["data-card"] for a in links]
    assert min(cards.count(f"#/class/{i}") for i in range(len(CLASSES))) >= 3
    site, unit, _, _ = STRONGEST
    assert f"#/unit/{SITES.index(site)}/{unit}" in cards


def test_each_lens_is_told_in_one_sentence_and_the_rest_beneath_it(html: str) -> None:
    told = html[html.index('<div class="statements">') : html.index('<section id="ablation">')]
    [first] = re.findall(r'href="#ablation">.*?<p>(.*?)</p>', told, re.DOTALL)
    assert first.endswith(
        "</b> Three units of L2 carry plain: without them its accuracy falls to 72.0 %."
    )
    [rest] = re.findall(r"falls to 72.*?<details open>(.*?)</details>", told, re.DOTALL)
    assert "Start here: plain needs L2·4" in rest


def test_headings_go_down_one_step_at_a_time(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels)) <= 1


def test_opening_names_accuracy_splits_seed_and_statements(html: str) -> None:
    text = without_scripts(html).lower()
    opening = text[: text.index('<section id="ablation">')]
    for word in ("90.0 %", "[80.0, 95.0]", "60", "59", "seed 3", "margin", "one model only"):
        assert word in opening
    assert "three units of l2 carry plain" in opening


def test_every_finding_has_its_table_statements_and_caveats(audit: Audit, page: Page) -> None:
    for name in audit.names:
        finding = audit.finding(name)
        assert f"tables/{name}.parquet" in page.text
        for sentence in (*finding.statements, *finding.caveats):
            assert sentence in page.text
    assert [th for th in page.all("th") if th.get("title") == "what effect is"]


def test_tables_stop_after_twelve_rows(tmp_path: Path) -> None:
    rows = table(name=[f"row{i:02d}" for i in range(40)])
    text = rendered(only(tmp_path, a_finding("own.rows", rows))).text
    assert sorted(set(re.findall(r"row\d\d", text))) == [f"row{i:02d}" for i in range(12)]
    assert "40" in text


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0.123456, "0.123"), (1234.0, "1234"), (0.0, "0"), (None, "–"), (1.5e-9, "1.5e")],
)
def test_numbers_have_few_digits(tmp_path: Path, number: float | None, shown: str) -> None:
    text = rendered(only(tmp_path, a_finding("own.rows", table(x=[7.0, number])))).text
    assert shown in text
    assert "0.12345" not in text


def test_every_picture_is_an_image_with_words(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    # without its script, the page has the pictures too that the script would draw
    monkeypatch.setattr("holistic.report.page.bundle", lambda **_: ("", ""))
    pictures = rendered(audit).all("img")
    assert len(pictures) >= 20
    for picture in pictures:
        assert len(str(picture["alt"])) > 20
        kind, data = str(picture["src"]).split(";base64,")
        assert base64.b64decode(data).startswith(b"\x89PNG" if kind.endswith("png") else b"<?xml")


def test_same_audit_gives_same_bytes(audit: Audit, html: str, tmp_path: Path) -> None:
    again = tmp_path / "again.html"
    write_report(load(audit.path), again)
    assert again.read_text(encoding="utf-8") == html


def test_missing_arrays_leave_out_figures_only(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holistic.report.page.bundle", lambda **_: ("", ""))
    bare = [a_finding(f.name, f.table, f.statements) for f in map(audit.finding, audit.names)]
    saved = only(tmp_path, *bare, **{k: v for k, v in audit.provenance.items() if k != "key"})
    found = rendered(saved)
    assert found.all("img")
    assert all(f"tables/{name}.parquet" in found.text for name in audit.names)


def test_unfinished_and_empty_audits_are_told(tmp_path: Path) -> None:
    empty = only(tmp_path)
    assert rendered(empty).all("h1")
    assert printed(empty)
    json.dumps(as_json(empty), allow_nan=False)


def test_findings_without_rows_are_told(audit: Audit, tmp_path: Path) -> None:
    none = [a_finding(f.name, f.table.head(0)) for f in map(audit.finding, audit.names)]
    saved = only(tmp_path, *none, classes=list(CLASSES))
    page = rendered(saved)
    assert "No rows in tables/ablation.units.parquet." in page.text
    folded = [attributes.get("class") for attributes in page.all("details")]
    assert "rows" not in folded, "meanings of columns that hold nothing"
    assert printed(saved)
    json.dumps(as_json(saved), allow_nan=False)


def test_summary_fits_and_names_what_matters(audit: Audit) -> None:
    lines = printed(audit).splitlines()
    assert max(map(len, lines)) <= 88
    site, unit, _, _ = STRONGEST
    own = next(line for line in lines if line.strip().startswith(CLASSES[2]) and "3.25" in line)
    assert site in own
    assert str(unit) in own
    text = "\n".join(lines)
    assert "<script>" in text
    assert "90.0" in text
    assert "one model only" in text


def test_summary_shows_each_class_without_half_of_few_units(audit: Audit) -> None:
    # of 6 units 3: 0.9 - 3 * 0.02 * 3 = 0.72, random sets lose 0.003
    own = [line for line in printed(audit).splitlines() if line.strip().startswith(CLASSES[2])]
    assert any("90.0" in line and "72.0" in line and "0.3 [0.0, 0.6]" in line for line in own)


def test_no_interval_of_an_accuracy_leaves_its_range(audit: Audit, page: Page) -> None:
    """A drop's interval may end below 0; turned into an accuracy it would pass 100 %."""
    shown = re.findall(r"\[([−+-]?[\d.]+)%?, ([−+-]?[\d.]+)%?\]", printed(audit) + page.text)
    assert shown
    assert all(float(high.replace("−", "-")) <= 100 for _, high in shown)


def test_summary_takes_no_name_for_markup(tmp_path: Path) -> None:
    saved = only(tmp_path, a_finding("own.rows", table(x=[1]), ("[bold]x[/bold] [red]",)))
    assert "[bold]x[/bold] [red]" in printed(saved)


def test_json_document_holds_the_same(audit: Audit) -> None:
    document = json.loads(json.dumps(as_json(audit), allow_nan=False))
    text = json.dumps(document)
    assert "-3.25" in text
    assert "A third sentence." in text
    assert document["provenance"]["seed"] == 3


def test_few_classes_have_larger_pictures_on_the_first_screen(html: str) -> None:
    assert len(planted_report.CLASSES) <= 5
    assert 'class="rows few"' in html or 'faces few"' in html or 'wordy few"' in html
