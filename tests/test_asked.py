"""Questions to a saved audit are answered on one screen, from its tables."""

from __future__ import annotations

import json

import numpy as np
import pytest

from holistic.cli import main
from holistic.errors import SettingError
from holistic.report.asked import QUESTIONS
from holistic.report.saved import Audit
from holistic.report.terminal import as_json


@pytest.mark.parametrize("question", ["layers", "prune", "shortcuts", "unit", "class", "image"])
def test_every_question_has_an_answer_of_short_sentences(small_audit: Audit, question: str) -> None:
    names = small_audit.provenance["classes"]
    examples = small_audit["sites.examples"].column("example")
    about = {
        "unit": [f"L1·{u}" for u in range(12)] + ["L2 3", "5 3", "L2 unit 3"],
        "class": names,
        "image": [str(e) for e in examples[:8]],
    }
    for one in about.get(question, [""]):
        answer = small_audit.ask(f"{question} {one}".strip())
        assert answer.lines
        assert [line.place for line in answer.lines] == sorted(l.place for l in answer.lines)
        for line in answer.lines:
            assert len(line.words.split()) <= 30, line.words
            assert "nan" not in line.words + line.evidence
            assert "None" not in line.words
            assert line.words.endswith(".")


def test_answers_are_what_the_tables_say(small_audit: Audit) -> None:
    table = small_audit["ablation.units"].to_pandas()
    site = small_audit["sites"].where(layer="L1").cells("site")[0]
    own = table[(table["site"] == site) & (table["class"] != "all") & (table["hi"] < 0)]
    row = own.loc[own["effect"].idxmin()]
    words = repr(small_audit.ask(f"unit L1·{row['unit']}"))
    assert f"{abs(row['effect']):.2g}" in words
    shared = small_audit["sites.examples"].to_pandas().iloc[5]
    words = repr(small_audit.ask(f"image {shared['example']}"))
    assert f"'{shared['class']}'" in words
    assert f"{abs(shared['margin']):.2f} logits" in words


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("clas 1", "did you mean 'class'"),
        ("class nope", "no class 'nope'"),
        ("class", "no class ''"),
        ("unit", "which unit"),
        ("unit L9·1", "no layer 'L9'"),
        ("unit L1·400", "has no unit 400; it has 12"),
        ("image x", "which example"),
        ("image 999999", "no example 999999"),
        ("prune L1", "leave 'L1' away"),
    ],
)
def test_questions_that_make_no_sense(small_audit: Audit, question: str, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        small_audit.ask(question)


def test_findings_are_objects(small_audit: Audit) -> None:
    every = small_audit.findings()
    assert every
    assert all(one.holds for one in every)
    assert {one.lens for one in small_audit.findings(lens="tracing")} <= {"tracing"}
    layer = small_audit["sites"].where(layer="L2").cells("site")[0]
    assert {one.site for one in small_audit.findings(site="L2")} == {layer}
    name = small_audit.provenance["classes"][0]
    assert all(one.class_ == name for one in small_audit.findings(class_=name))
    assert any(one.of_unit is not None for one in every)
    for one in every:
        assert one.link == f"#{one.finding}"
        table = small_audit[one.finding]
        equal = {("class_" if key == "class" else key): v for key, v in one.where.items()}
        assert len(table.where(**equal)), one.about
        if one.value.lo is not None:
            assert np.isfinite(one.value.value)


def test_findings_of_a_unit_are_what_is_answered_of_it(small_audit: Audit) -> None:
    site = small_audit["sites"].where(layer="L1").cells("site")[0]
    for unit in (0, 3, 7):
        found = small_audit.findings(unit=f"L1·{unit}")
        assert found == small_audit.findings(unit=unit, site="L1")
        assert all((one.site, one.of_unit) == (site, unit) for one in found)
        answered = {line.words for line in small_audit.ask(f"unit L1·{unit}").lines}
        assert answered <= {one.about for one in found}
        only = small_audit.findings(unit=f"L1·{unit}", lens="agreement")
        assert {one.lens for one in only} == {"agreement"}
        assert any(one.about.startswith("Verdict of all lenses") for one in only)
    with pytest.raises(SettingError, match="has no unit 400"):
        small_audit.findings(unit="L1·400")


def test_json_holds_the_same_findings(small_audit: Audit) -> None:
    says = as_json(small_audit)["says"]
    assert json.loads(json.dumps(says)) == says
    assert [one["about"] for one in says] == [one.about for one in small_audit.findings()]
    assert {"about", "finding", "value", "where", "link", "lens"} <= set(says[0])


def test_an_image_that_nobody_looked_at_is_told_of_as_far_as_it_is_known(
    small_audit: Audit,
) -> None:
    looked = {*small_audit["ablation.images"].column("example").tolist()}
    every = small_audit["sites.examples"]
    split = dict(zip(every.cells("example"), every.cells("split"), strict=True))
    example = next(e for e in every.cells("example") if e not in looked)
    answer = small_audit.ask(f"image {example}")
    if any(
        "weren't looked at" in line.words or "not for this" in line.words for line in answer.lines
    ):
        words = repr(answer)
        assert f"in the {split[example]} split" in words
        assert "What its class needs most" in words
        assert f"holistic serve {small_audit.path}" in words


def test_the_command(small_audit: Audit, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(small_audit.path)
    assert main(["ask", folder, "unit", "L1·2"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("unit L1·2\n")
    assert max(map(len, shown.splitlines())) <= 80
    assert main(["ask", folder, "class", small_audit.provenance["classes"][1], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"]
    assert main(["ask", folder]) == 2
    error = capsys.readouterr().err
    assert all(name in error for name in QUESTIONS)
