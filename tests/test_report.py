"""Shows that a saved audit is reported truly, safely, and without torch."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console, RenderableType

import holistic
from holistic.lenses.ablation import Ablation
from holistic.lenses.ablation.highlights import least_p, needed_units, removed_sets
from holistic.lenses.activation import Activation
from holistic.lenses.mechanism import Mechanism
from holistic.report import as_json, everything, summary
from holistic.report.saved import Audit
from holistic.report.terminal import cut_middle
from zoo import ZOO, make

HOSTILE = ["<script>alert(1)</script>", "$\\frac{1}{0}$", "a&b'\"", "{{ 7 * 7 }}"]


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """A small real audit whose class names are hostile."""
    case = ZOO["mlp"]
    labels = torch.arange(80) % 4
    images = case.images(80) + labels[:, None, None, None]
    subject = holistic.Subject(make(case), (images, labels), classes=HOSTILE, name="<b>m</b>")
    lenses = [Ablation(sets=20, depth=4, partners=3), Activation(), Mechanism()]
    return holistic.audit(subject, out=tmp_path_factory.mktemp("a") / "audit", lenses=lenses)


class Checker(HTMLParser):
    """Collects what a page could load or run, and which pictures lack words."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append(tag)
        self.sources += [named[n] or "" for n in ("src", "href", "action") if n in named]
        self.silent += tag == "img" and not named.get("alt")
        assert not [name for name in named if name.startswith("on")]


def test_the_page_needs_and_runs_nothing(audit: Audit) -> None:
    page = audit.report().read_text(encoding="utf-8")
    checker = Checker()
    checker.feed(page)
    assert checker.tags.count("script") == 3  # two blocks of data, and the program's own
    assert {"main", "nav", "header", "h1", "table"} <= set(checker.tags)
    assert all(s.startswith(("data:image/png;base64,", "#")) for s in checker.sources)
    assert checker.silent == 0
    assert "default-src 'none'" in page
    assert page.count("<script>") == 1
    assert "{{ 7 * 7 }}" in page
    targets = {s[1:] for s in checker.sources if s.startswith("#")}
    assert targets <= set(re.findall(r'id="([^"]+)"', page))


def test_every_finding_is_told(audit: Audit) -> None:
    page = audit.report().read_text(encoding="utf-8")
    for name in audit.for_readers().names:
        assert f'id="{name}"' in page
        assert f"tables/{name}.parquet" in page
    row = next(audit["ablation.units"].rows())
    assert f"{row['effect']:.4g}" in page


def test_headlines_are_the_table_s(audit: Audit) -> None:
    units = audit["ablation.units"]
    flattered = 0
    for row in needed_units(audit):
        own = units.where(class_=row.class_)
        held = next(own.where(site=row.site, unit=row.unit).rows())
        assert (held["rank"], held["effect"]) == (1, row.effect)
        every = own.where(site=row.site).column("effect")
        assert row.median == pytest.approx(float(np.nanmedian(every)))
        flattered += held["effect"] > own.column("effect").min()
    assert flattered, "units are chosen on other examples than their effects are told of"
    topk = audit["ablation.topk"]
    rows = removed_sets(audit)
    assert [r.class_ for r in rows] == HOSTILE
    for row in rows:
        every = list(topk.where(class_=row.class_).rows())
        [held] = [r for r in every if r["rank"] == 1]
        assert (held["site"], held["k"], held["ranking"]) == (row.site, row.k, "effect")
        assert row.after == held["class_accuracy_after"]
        assert row.drop == pytest.approx(row.before - row.after)
        assert row.random_lo == pytest.approx(row.before - held["class_control_hi"])
        assert row.random_lo <= row.random_after + 1e-12
        assert row.random_after <= row.random_hi + 1e-12
        assert (row.p, row.q, row.firing) == (held["class_p"], held["class_q"], held["firing"])
    sites = len(dict.fromkeys(topk.column("site").tolist()))
    assert len(removed_sets(audit, every_site=True)) == sites * len(HOSTILE)


def printed(shown: RenderableType, width: int = 88) -> str:
    console = Console(width=width, record=True, file=StringIO())
    console.print(shown)
    return console.export_text()


def test_the_summary_is_read_in_thirty_seconds(audit: Audit) -> None:
    text = printed(summary(audit), 120)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert len(text.splitlines()) <= 40
    assert len(text.split()) <= 400
    for name in HOSTILE:
        assert cut_middle(name, 14) in text
    for word in ("random", "LAYERS", "PROBE", "L1"):
        assert word in text


def test_everything_fits_a_terminal(audit: Audit) -> None:
    text = printed(everything(audit))
    assert max(len(line) for line in text.splitlines()) <= 88
    words = " ".join(text.split())
    for name in audit.names:
        for statement in audit.finding(name).statements:
            assert " ".join(statement.split()) in words


def test_names_that_end_differently_stay_distinct() -> None:
    names = [f"a_class_with_a_long_name_{i}" for i in range(10)]
    cut = [cut_middle(name, 14) for name in names]
    assert len(set(cut)) == 10
    assert {len(name) for name in cut} == {14}


def test_a_p_stands_with_its_least_and_its_q(audit: Audit) -> None:
    """So many sets can't give less, whatever they find."""
    least = audit["ablation.topk"].where(rank=1).column("least_p")
    said = [f"1/{round(1 / p)}" for p in sorted(set(least), reverse=True)]
    assert least_p(audit) == f"{' or '.join(said)}, by the sets tried"
    page = audit.report().read_text(encoding="utf-8")
    for text in (printed(everything(audit)), page):
        words = " ".join(text.split())
        assert f"at least {least_p(audit)}" in words
        assert "Benjamini-Hochberg over sites and classes" in words
        assert "of the site where the selection split says that it loses most" in words
        assert "silent" in words


@pytest.mark.parametrize(
    "name",
    [
        "ablation.units", "ablation.topk", "ablation.off_target", "ablation.curves",
        "ablation.areas", "ablation.interactions", "activation.units", "activation.concepts",
        "mechanism.flow",
    ],
)  # fmt: skip
def test_first_words_have_an_interval_an_n_and_a_control(audit: Audit, name: str) -> None:
    first = audit.finding(name).statements[0]
    assert re.search(r"\[[^\]]*\d, [^\]]*\d\]|no interval: fewer than 3 examples", first), first
    assert "n = " in first
    assert re.search(r"random|all \d+ sets|median unit|untrained|shuffled", first), first
    assert "nan" not in first


def test_means_over_classes_are_bounded(audit: Audit) -> None:
    """Another interval in the sentence isn't that of the mean."""
    own, others = r"it loses \S+ \[\S+, \S+\] points", r"another class \S+ \[\S+, \S+\]"
    assert re.search(f"{own}.*{others}", audit.finding("ablation.off_target").statements[0])
    for kind in ("removing", "keeping"):
        area = rf"{kind} top units \S+ % \[\S+, \S+\] "
        assert re.search(area, audit.finding("ablation.areas").statements[0])


def test_few_images_are_called_few(audit: Audit) -> None:
    """Ten of each class are evaluated."""
    first = audit.finding("ablation.curves").statements[0]
    assert first.endswith("n = 10 images each: few, so read it with care).")


def test_json_holds_no_nan(audit: Audit) -> None:
    document = json.loads(json.dumps(as_json(audit), allow_nan=False))
    assert document["removed_sets"][0]["class"] == HOSTILE[0]
    assert set(document["findings"]) == set(audit.names)


def test_report_and_summary_import_no_torch(audit: Audit) -> None:
    code = (
        "import sys, holistic; from holistic.report import everything, summary; "
        f"audit = holistic.load({str(audit.path)!r}); audit.report(); "
        "summary(audit); everything(audit); "
        "assert 'torch' not in sys.modules, 'torch'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
