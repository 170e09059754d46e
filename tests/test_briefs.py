"""The one sentence of each finding is short, plain, and says no more than was found."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import planted_report
from holistic.lenses._briefs import greatest
from holistic.lenses._contract import declared_schema
from holistic.lenses._places import lens_places
from holistic.lenses.activation import opening as of_activation
from holistic.lenses.activation.schemas import Visualisation
from holistic.lenses.attribution.schemas import ResponseRow, TokenRow, WordRow
from holistic.lenses.mechanism.schemas import ImageSite
from holistic.report.briefs import brief
from holistic.report.places import brought
from holistic.report.saved import Audit
from holistic.results.columns import Estimate, col, columns_of
from holistic.results.findings import Finding
from holistic.results.schema import Schema
from holistic.results.tables import Table
from made import a_row

LENSES = ("ablation", "activation", "attribution", "mechanism", "tracing", "agreement")
NAMES = re.compile(r'"[^"]*"|\S+·\d+|\bL\d+\b|(?:position|feature) \d+|\([rq] [<>] [\d.]+\)')
"""What holds digits and is no number: names, and what counts at all."""
NOTHING = re.compile(
    r"\b(no|not|nothing|none|nowhere|don't surely|can't tell|aren't|isn't|too few|every)\b",
    re.IGNORECASE,
)


def check(sentence: str, finding: str, classes: list[str]) -> None:
    """Assert that a sentence can be read at a glance."""
    assert sentence, finding
    assert len(sentence.split()) <= 25, f"{finding}: {sentence}"
    bare = NAMES.sub("…", sentence)
    for name in classes:
        bare = bare if name.isdigit() else bare.replace(name, "…")
    assert len(re.findall(r"\d[\d,.]*", bare)) <= 2, f"{finding}: {sentence}"
    assert sentence.endswith("."), sentence
    assert sentence[0].isupper() or sentence[0] in '"<$0123456789', sentence
    assert not re.search(r"\bnan\b|\binf\b|–|None|\{|\}|  |, \.", bare), f"{finding}: {sentence}"


def spoken_of(audit: Audit) -> list[str]:
    """Findings that pages tell of, but for the list of sites."""
    return [name for name in audit.names if name != "sites" and not audit.schema(name).apart]


def made(finding: Finding, audit: Audit) -> str:
    """The sentence that the finding's own function makes, without any fall-back."""
    lens, _, own = finding.name.partition(".")
    make = brought(lens, "briefs", own)
    assert make, f"{finding.name} has no brief"
    return make(finding, audit)


def changed(
    audit: Audit, path: Path, change: Callable[[Table, str], Table], **provenance: Any
) -> Audit:
    """Save the audit again with other tables."""
    other = Audit.create(path, {**audit.provenance, **provenance})
    for lens, entry in audit.lenses.items():
        found = [audit.finding(name) for name in entry["findings"]]
        found = [replace(f, table=change(f.table, f.name), arrays={}) for f in found]
        other = other.add(lens, found, 0.1)
    return other


def with_column(table: Table, name: str, values: Any) -> Table:
    place = table.data.column_names.index(name)
    field = table.data.schema.field(name)
    array = pa.array(values, field.type, from_pandas=True)
    return Table(table.columns, table.data.set_column(place, field, array))


def without_significance(table: Table, name: str) -> Table:
    """Make every test fail, and let every interval hold 0."""
    for column in table.names:
        values = table.data[column].to_pylist()
        if column == "q" or column.endswith("_q"):
            table = with_column(table, column, [None if v is None else 0.9 for v in values])
        elif column == "hi" or column.endswith("_hi"):
            table = with_column(table, column, [None if v is None else 9e9 for v in values])
        elif column == "lo" or column.endswith("_lo"):
            table = with_column(table, column, [None if v is None else -9e9 for v in values])
    return table


def without_numbers(table: Table, name: str) -> Table:
    """Leave out every measured number."""
    schema = declared_schema(name)
    may = {c.name for c in schema.columns if c.kind == "float64"} if schema else set[str]()
    for column in set(table.names) & may:
        table = with_column(table, column, [None] * len(table))
    return table


def of_first_class(audit: Audit) -> Callable[[Table, str], Table]:
    own = audit.provenance["classes"][0]

    def change(table: Table, name: str) -> Table:
        for column in ("class", "label", "clean", "removed_for", "rival", "preferred_class"):
            if column in table.names:
                kept = [v in (own, "all", None) for v in table.data[column].to_pylist()]
                table = Table(table.columns, table.data.filter(pa.array(kept, pa.bool_())))
        return table

    return change


def declared() -> list[str]:
    from holistic.lenses import _contract

    return [name for lens in LENSES for name in _contract.declared_schemas(lens)]


def test_every_declared_finding_has_a_brief() -> None:
    assert set(LENSES) <= set(lens_places())
    names = declared()
    assert len(names) > 30
    for name in names:
        lens, _, own = name.partition(".")
        assert brought(lens, "briefs", own), name


def test_a_real_audit_is_said_in_short_sentences(small_audit: Audit) -> None:
    names = set(spoken_of(small_audit))
    assert set(declared()) - names <= {
        "activation.visualisations",
        "activation.maps",  # of convolutions
        "activation.attention",  # of attention heads
        "attribution.response",  # of tables
        "attribution.words",  # of texts
        "attribution.tokens",
    }
    for name in names:
        finding = small_audit.finding(name)
        sentence = made(finding, small_audit)
        check(sentence, name, small_audit.provenance["classes"])
        assert brief(finding, small_audit) == sentence


def test_a_planted_audit_is_said_in_short_sentences(tmp_path: Path) -> None:
    """Columns that it lacks are filled with nothing, as of numbers that couldn't be measured."""

    def filled(table: Table, name: str) -> Table:
        schema = declared_schema(name)
        if schema is None or schema.row is None:
            return table
        have = set(table.names)
        values = {
            c.name: table.data[c.name].to_pylist() if c.name in have else [None] * len(table)
            for c in columns_of(schema.row)
        }
        return Table.build(schema.row, values)

    audit = changed(planted_report.audit(tmp_path / "a"), tmp_path / "b", filled)
    found = {name: made(audit.finding(name), audit) for name in spoken_of(audit)}
    for name, sentence in found.items():
        check(sentence, name, list(planted_report.CLASSES))
    assert found["ablation.topk"] == (
        "Three units of L2 carry plain: without them its accuracy falls to 72.0 %."
    )
    assert found["ablation.units"].startswith("Start here: plain needs L2·4 and loses 3.2 logits")
    assert found["mechanism.clusters"].startswith("L2 forms 2 groups of units")
    assert found["agreement.units"] == "8 units of the model tell a class apart; 4 decide it too."


def test_without_significance_nothing_is_said_to_be_found(
    small_audit: Audit, tmp_path: Path
) -> None:
    audit = changed(small_audit, tmp_path / "a", without_significance)
    facts = {
        "ablation.confusion",  # what the model said of the examples
        "ablation.images",
        "activation.examples",  # has its interval from the units
        "activation.visualisations",
        "attribution.methods",  # `passed` says it
        "mechanism.clusters",
        "mechanism.edges",
        "mechanism.pairs",
        "mechanism.paths",
        "agreement.units",
        "agreement.misled",  # has a row only where its cases are more than the control's
        "agreement.removed",
        "ablation.interactions",
        "ablation.backup",
    }
    for name in spoken_of(audit):
        sentence = made(audit.finding(name), audit)
        check(sentence, name, audit.provenance["classes"])
        if name not in facts:
            assert NOTHING.search(sentence), f"{name}: {sentence}"


@pytest.mark.parametrize("kind", ["numbers", "rows", "classes"])
def test_where_much_is_missing_the_sentence_still_stands(
    small_audit: Audit, tmp_path: Path, kind: str
) -> None:
    change = {
        "numbers": without_numbers,
        "rows": lambda table, _: table.head(0),
        "classes": of_first_class(small_audit),
    }[kind]
    audit = changed(small_audit, tmp_path / "a", change)
    for name in spoken_of(audit):
        check(made(audit.finding(name), audit), name, audit.provenance["classes"])


def test_few_sets_are_named_as_the_reason(small_audit: Audit, tmp_path: Path) -> None:
    def few(table: Table, name: str) -> Table:
        if name == "ablation.topk":
            table = without_significance(table, name)
            ranked = [None if r is None else 1 / 6 for r in table.data["rank"].to_pylist()]
            table = with_column(table, "least_p", ranked)
        return table

    audit = changed(small_audit, tmp_path / "a", few)
    assert re.fullmatch(
        r'Too few sets to tell: "\d" loses \S+ points without its top units, \S+ without '
        r"random ones; more `sets` help\.",
        made(audit.finding("ablation.topk"), audit),
    )


def test_units_that_must_stay_silent_are_said_to(small_audit: Audit, tmp_path: Path) -> None:
    def silent(table: Table, name: str) -> Table:
        if name == "ablation.units":
            table = with_column(table, "above", [-1.0] * len(table))
            table = with_column(table, "hi", [-0.1] * len(table))
        return table

    audit = changed(small_audit, tmp_path / "a", silent)
    sentence = made(audit.finding("ablation.units"), audit)
    assert re.fullmatch(
        r'Start here: "\d" needs L\d·\d+ silent, and loses \S+ logits when it is replaced\.',
        sentence,
    )


def test_methods_that_fail_one_test_are_named_with_it(small_audit: Audit, tmp_path: Path) -> None:
    def failing(table: Table, name: str) -> Table:
        if name == "attribution.methods":
            rows = zip(table.column("method"), table.column("metric"), strict=True)
            passed = [
                None if m in ("edge", "random") else (m, t) != ("saliency", "edge_similarity")
                for m, t in rows
            ]
            table = with_column(table, "passed", passed)
        return table

    audit = changed(small_audit, tmp_path / "a", failing)
    finding = audit.finding("attribution.methods")
    assert made(finding, audit) == (
        "1 of 10 methods fails a test: an edge filter, which sees no model, gives nearly the same "
        "map. What that is worth is measured as a probability."
    )
    alone = dict(audit.lenses["attribution"]["findings"])
    del alone["attribution.trust"]
    entry = {**audit.lenses["attribution"], "findings": alone}
    untold = replace(audit, lenses={**audit.lenses, "attribution": entry})
    assert made(finding, untold) == (
        "Don't trust saliency: an edge filter, which sees no model, gives nearly the same map."
    )


def test_a_lens_without_briefs_says_its_first_sentence_if_it_is_short(tmp_path: Path) -> None:
    row = type("Row", (), {"__annotations__": {"x": int}, "x": col("a number")})
    schema = Schema("own.rows", "Rows", row)
    table = planted_report.table(x=[1])
    audit = planted_report.audit(tmp_path / "a")
    short = Finding(schema, table, ("Rows were found.",))
    assert brief(short, audit) == "Rows were found."
    assert brief(replace(short, statements=("word " * 26,)), audit) == ""


def test_notebooks_and_text_begin_with_what_was_found(tmp_path: Path) -> None:
    audit = planted_report.audit(tmp_path / "a")
    finding = audit.finding("ablation.topk")
    sentence = "Three units of L2 carry plain: without them its accuracy falls to 72.0 %."
    assert finding.brief == sentence
    assert repr(finding).splitlines()[:2] == ["Growing sets of units", sentence]
    page = finding._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert page.index(sentence) < page.index("<table>") < page.index("<details>")
    assert page.count("<tr>") == 6
    assert page.index("<details>") < page.index("Ten units matter.")
    text = audit.summary()
    assert text.index("Three units of L2 carry plain") < text.index(
        "- Start here: plain needs L2·4"
    )
    small = html.unescape(audit._repr_html_())  # pyright: ignore[reportPrivateUsage]
    assert 'sandbox=""' in small
    assert "Three units of L2 carry plain" in small
    assert "<script>" not in small.replace("<script>alert('x')</script>", "")


def test_the_greatest_has_a_number() -> None:
    nan = float("nan")
    assert greatest([nan, 1.0, 2.0, nan], by=lambda row: row) == 2.0
    assert greatest([nan], by=lambda row: row) is None


@pytest.mark.parametrize("q", [0.01, 0.9])
def test_the_word_and_the_token_that_decide_are_named(small_audit: Audit, q: float) -> None:
    effect = Estimate(-2.5, -3.0, -2.0, control=-0.1, control_lo=-0.3, control_hi=0.1, p=q, q=q)
    word = a_row(WordRow, class_="1", word="grand", rank=1, effect=effect, n=40)
    found = {
        "words": Table.from_rows(WordRow, [word]),
        "tokens": Table.from_rows(
            TokenRow,
            [
                a_row(
                    TokenRow,
                    example=text,
                    place=place,
                    kind="typical",
                    label="1",
                    prediction="1",
                    token="a",
                    effect=Estimate(value),
                )
                for text, place, value in [(0, 0, -3.0), (0, 1, -1.0), (1, 0, -1.0), (1, 1, -1.0)]
            ],
        ),
        "response": Table.from_rows(
            ResponseRow,
            [
                a_row(
                    ResponseRow,
                    feature="age",
                    class_="1",
                    value=at,
                    n=9,
                    probability=Estimate(at, at - 0.1 - q, at + 0.1 + q, control=0.5),
                )
                for at in (0.1, 0.9)
            ],
        ),
    }
    short = dict[str, str]()
    for name, table in found.items():
        schema = declared_schema(f"attribution.{name}")
        assert schema is not None
        short[name] = made(Finding(schema, table), small_audit)
        check(short[name], name, [])
    assert short["tokens"].startswith("One token outweighs all others in 1 of 2 texts")
    sure = q < 0.05
    assert short["words"].startswith('"1" hangs most on the word grand' if sure else "No class")
    assert short["response"].startswith('Feature age moves "1" most' if sure else "No feature")


@pytest.mark.parametrize(("most", "begin"), [(5.0, "Made-up inputs drive 1 of 2"), (9.0, "Real")])
def test_made_up_inputs_are_compared_with_real_ones(
    small_audit: Audit, most: float, begin: str
) -> None:
    rows = [
        a_row(
            Visualisation,
            site="1",
            unit=unit,
            start=start,
            picture=0,
            start_value=0.0,
            value=Estimate(value, control=most),
            alike=Estimate(0.9),
        )
        for unit, start, value in [(0, 1, 4.0), (0, 2, 6.0), (1, 1, 3.0)]
    ]
    schema = declared_schema("activation.visualisations")
    assert schema is not None
    sentence = made(Finding(schema, Table.from_rows(Visualisation, rows)), small_audit)
    check(sentence, schema.name, [])
    assert sentence.startswith(begin)


def with_controls(audit: Audit, path: Path, count: int) -> Audit:
    """Save an audit again as one that had so many controls and found nothing."""
    settings = dict(audit.provenance["settings"])
    settings["activation"] = {**settings["activation"], "controls": count}
    return changed(audit, path, without_significance, settings=settings)


def test_what_so_few_controls_could_not_show_is_said_to_be_open(
    small_audit: Audit, tmp_path: Path
) -> None:
    audits = {count: with_controls(small_audit, tmp_path / str(count), count) for count in (19, 99)}
    found = {
        (name, count): made(audit.finding(f"activation.{name}"), audit)
        for name in ("depth", "units", "tuning")
        for count, audit in audits.items()
    }
    for (name, count), text in found.items():
        check(text, name, [])
        unsure = "this run can't tell whether" in text or "too few controls to settle" in text
        assert unsure == (count == 19), text
    assert found["depth", 19] == (
        "With 19 controls this run can't tell whether training makes deeper units tell their class "
        "better; more `controls` would."
    )
    assert found["units", 19].endswith("; too few controls to settle whether training does that.")
    assert found["depth", 99].startswith("It isn't sure that training")
    panels = [
        p for p in of_activation.opening(audits[19]).panels if p.title.endswith(" responds to")
    ]
    assert panels
    assert all("too few controls to settle" in panel.lines[0] for panel in panels)
    single = small_audit.finding("activation.tuning").statements[0].split(". ")[-1]
    assert re.fullmatch(
        r"Whether single units are tuned more sharply can't be told: with 19 controls no unit by "
        r"itself can have a q below 0\.\d+; more `controls` would tell\.",
        single,
    )
    statement = small_audit.finding("activation.depth").statements[0]
    assert statement.endswith(
        "With 19 controls this run can't tell whether training does that; more `controls` would."
    )


def test_a_unit_beyond_all_controls_that_cannot_be_told_from_them_is_said_to_be_open(
    small_audit: Audit, tmp_path: Path
) -> None:
    """More controls would help the one that none of them comes up to, not one that some do."""

    def tested(beaten: int) -> Callable[[Table, str], Table]:
        def change(table: Table, name: str) -> Table:
            table = without_significance(table, name)
            p, controls = {
                "activation.concepts": ("learned_p", 19 * 12),
                "activation.tuning": ("p", 19 * 12),
                "tracing.directions": ("p", 20),
            }.get(name, ("", 0))
            least = (1 + beaten) / (1 + controls)
            return with_column(table, p, [least, *[0.9] * (len(table) - 1)]) if p else table

        return change

    stuck, free = (changed(small_audit, tmp_path / str(b), tested(b)) for b in (0, 1))
    for name in ("activation.concepts", "activation.tuning", "tracing.directions"):
        text, other = (made(audit.finding(name), audit) for audit in (stuck, free))
        check(text, name, [])
        assert "this run can't tell whether" in text
        assert ("a unit or layer" in text) == (name == "activation.tuning")
        assert ("can't tell" in other) == (name == "activation.tuning"), other


@pytest.mark.parametrize(
    ("looked_at", "wrong", "text"),
    [
        (1, 1, "At the input already a linear probe misreads the one mistaken image looked at."),
        (3, 3, "In 3 of the 3 mistaken images looked at, a linear probe is wrong at the input "
         "already."),
        (9, 9, "In 9 of the 9 mistaken images looked at, a linear probe is wrong at the input "
         "already."),
        (12, 8, "In 8 of the 12 mistaken images looked at, a linear probe is wrong at the input "
         "already."),
        (12, 12, "Mistakes start early: at the input a linear probe misreads 12 of the 12 mistaken "
         "images looked at."),
    ],
)  # fmt: skip
def test_few_mistaken_images_say_nothing_of_mistakes_in_general(
    small_audit: Audit, looked_at: int, wrong: int, text: str
) -> None:
    schema = declared_schema("mechanism.paths")
    assert schema is not None
    rows = [
        a_row(
            ImageSite, example=example, kind="mistaken", label="a", prediction="b", site="input",
            depth=0, read="b" if example < wrong else "a", label_probability=Estimate(0.3),
            prediction_probability=0.5, accuracy=Estimate(0.5),
        )
        for example in range(looked_at)
    ]  # fmt: skip
    found = made(Finding(schema, Table.from_rows(ImageSite, rows)), small_audit)
    check(found, schema.name, [])
    assert found == text
