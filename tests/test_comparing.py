"""Audits of several trainings are compared: statements, numbers, partners, layers, accuracy."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import holistic
from holistic.cli import main
from holistic.comparing._compared import opened
from holistic.comparing.briefs import partners
from holistic.comparing.schemas import VERDICTS, Matching, Statement, Statistic, UnitMatch
from holistic.comparing.statements import asked_of, judged
from holistic.errors import AuditError
from holistic.lenses._contract import declared_schema
from holistic.report.claims import claims
from holistic.report.saved import Audit
from holistic.report.terminal import summary
from holistic.results.claims import Claim
from holistic.results.columns import Estimate, of_sites
from holistic.results.findings import Finding
from holistic.results.tables import Table

UNITS = ("unit", "unit_a", "unit_b", "backup_unit")


def another(audit: Audit, path: Path, *, order: Sequence[np.ndarray], seed: int = 1) -> Audit:
    """An audit as another training could have given it: its units stand in another order."""
    shutil.copytree(audit.path, path)
    found = Audit.load(path)
    provenance = {**found.provenance, "key": f"another {seed}", "weights": f"other {seed}"}
    made = replace(found, provenance=provenance)
    sites = [str(row["site"]) for row in audit["sites"].sort("depth").rows() if row["hidden"]]
    for lens, entry in found.lenses.items():
        findings = [
            _reordered(audit.finding(name), sites, order, seed) for name in entry["findings"]
        ]
        made = made.add(lens, findings, 0.0)
    return made


def _reordered(
    finding: Finding, sites: Sequence[str], order: Sequence[np.ndarray], seed: int
) -> Finding:
    """Give units their new numbers, in the table and in the values that audits share."""
    place = {
        site: {int(u): i for i, u in enumerate(o)} for site, o in zip(sites, order, strict=True)
    }
    data = finding.table.data
    for name in set(UNITS) & set(data.column_names):
        site = "site_" + name[-1] if name in ("unit_a", "unit_b") else "site"
        site = "backup_site" if name == "backup_unit" else site
        if site not in data.column_names:
            site = "site"
        rows = zip(data[site].to_pylist(), data[name].to_pylist(), strict=True)
        new = [None if u is None else place[s][u] if s in place else u for s, u in rows]
        data = data.set_column(
            data.column_names.index(name), data.schema.field(name), pa.array(new, pa.int64())
        )
    rng = np.random.default_rng(seed)
    arrays = dict(finding.arrays)
    for name, values in finding.arrays.items():
        if name.startswith("sites.values"):
            mine = values[:, order[int(name.rpartition(".")[2])]]
            noise = 0.02 * mine.std(0) * rng.normal(size=mine.shape)
            arrays[name] = (mine + noise).astype(np.float32)
    return replace(finding, table=Table(finding.table.columns, data), arrays=arrays, say=None)


@pytest.fixture(scope="module")
def orders() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.permutation(12), rng.permutation(9)]


@pytest.fixture(scope="module")
def audits(
    small_audit: Audit, orders: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> list[Audit]:
    folder = tmp_path_factory.mktemp("compared")
    straight = [np.arange(12), np.arange(9)]
    shutil.copytree(small_audit.path, folder / "a")
    return [
        Audit.load(folder / "a"),
        another(small_audit, folder / "b", order=orders, seed=1),
        another(small_audit, folder / "c", order=straight, seed=2),
    ]


@pytest.fixture(scope="module")
def compared(audits: list[Audit]) -> Audit:
    return holistic.compare(audits)


def test_units_are_found_again_with_what_they_do(compared: Audit, orders: list[np.ndarray]) -> None:
    rows = list(compared["compare.units"].where(audit_a="a", audit_b="b").rows(UnitMatch))
    sites = list(dict.fromkeys(row.site for row in rows))
    assert len(sites) == 2
    for row in rows:
        assert orders[sites.index(row.site)][row.other_unit] == row.unit
        assert row.effect == pytest.approx(row.other_effect, nan_ok=True)
        assert row.verdict == row.other_verdict
        assert not row.changed
    for row in compared["compare.matching"].rows(Matching):
        assert row.matched.value == 1
        assert row.matched.control < 0.3
        assert row.effects.value == pytest.approx(1)
        assert row.top.value == 1
        assert row.verdicts.value == 1
        assert row.effects.control_hi < 1


def test_what_every_audit_says_holds_in_all(compared: Audit, audits: list[Audit]) -> None:
    rows = list(compared["compare.statements"].rows(Statement))
    claimed = {claim.about: claim for claim in claims(audits[0])}
    assert {row.about for row in rows} <= claimed.keys()
    for row in rows:
        holds = bool(claimed[row.about].holds)
        assert row.asked == 3
        assert row.audits == (3 if holds or row.answer else 0)
        assert (row.verdict in VERDICTS[:2]) is bool(row.audits)
        if row.number.value is not None:
            assert row.number.value == pytest.approx(claimed[row.about].value.value)
    assert any(row.verdict == VERDICTS[0] for row in rows)


def test_numbers_that_mean_the_same_in_every_training_and_no_others(compared: Audit) -> None:
    rows = list(compared["compare.statistics"].rows(Statistic))
    assert len({row.finding for row in rows}) > 8
    for name in {row.finding for row in rows}:
        schema = declared_schema(name)
        assert schema is not None
        assert not any(column.own for column in schema.columns)
    assert all(row.spread <= 1e-9 * max(1, abs(row.mean.value)) for row in rows)  # they are alike
    shares = [row for row in rows if row.column == "probe_accuracy"]
    assert shares
    assert all(0 <= row.mean.lo <= row.mean.value <= row.mean.hi <= 1 for row in shares)


def test_same_examples_same_layers(compared: Audit) -> None:
    drift = compared["compare.drift"]
    assert (drift.column("change") == 0).all()
    assert (drift.column("change_lo") < 0).all()
    similar = compared["compare.similarity"]
    for row in similar.rows():
        if row["site_a"] == row["site_b"]:
            assert row["cka"] > 0.99
        assert abs(row["cka_control"]) < 0.2


def test_the_page_and_the_terminal_say_it(compared: Audit) -> None:
    from rich.console import Console

    page = (compared.path / "report.html").read_text(encoding="utf-8")
    assert "What replicates" in page
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(summary(compared))
    text = console.export_text()
    assert len(text.splitlines()) <= 40
    assert "3 audits" in text
    assert "statements replicate" in text
    for name in compared.lenses["compare"]["findings"]:
        sentence = compared.finding(name).brief
        assert sentence, name
        assert len(sentence.split()) <= 25, sentence
    assert compared.figure("compare.kinds").figures


def claim(about: str, *, holds: bool | None = True, answer: str = "", margin: float | None = None):
    return Claim(about, "x.y", holds, answer, Estimate(1.0), margin=margin)


def verdicts(*claimed: Sequence[Claim]) -> dict[str, Statement]:
    return {row.about: row for row in judged(asked_of(claimed, {}), shared=0.5)}


def test_verdicts_follow_from_what_audits_claim() -> None:
    def one(i: int) -> list[Claim]:
        return [
            claim("sure", margin=5.0 + 0.1 * i),
            claim("narrow", margin=0.1 + 0.2 * i),
            claim("split", holds=i != 2, margin=1.0 if i != 2 else -1.0),
            claim("none", holds=False, margin=-2.0),
            claim("untold", holds=None if i else True, margin=None),
            claim("how many", answer=str(2 + (i == 1))),
            claim("which", answer="left"),
        ]

    found = verdicts(*map(one, range(4)))
    assert found["sure"].verdict == "replicates"
    assert found["narrow"].verdict == "not settled"
    assert found["split"].verdict == "differs"
    assert (found["split"].audits, found["split"].asked) == (3, 4)
    assert found["none"].verdict == "holds in none"
    assert "untold" not in found  # only one audit could tell
    assert (found["how many"].answers, found["how many"].answer) == ("2 (3), 3 (1)", "2")
    assert found["how many"].verdict == "differs"
    assert found["which"].verdict == "not settled"  # four audits are too few to be sure of a choice


def test_what_cannot_be_compared_is_refused(audits: list[Audit], tmp_path: Path) -> None:
    first = audits[0]
    with pytest.raises(AuditError, match="two audits or more, got 1"):
        opened([first])
    with pytest.raises(AuditError, match="are the same audit"):
        opened([first, first])

    def changed(**facts: object) -> Audit:
        return replace(audits[1], provenance={**audits[1].provenance, **facts})

    with pytest.raises(AuditError, match=r"different classes \(.*x"):
        opened([first, changed(classes=["x", *first.provenance["classes"][1:]])])
    with pytest.raises(AuditError, match="different scores"):
        opened([first, changed(score="accuracy")])
    older = replace(
        audits[1],
        lenses={
            "sites": {"findings": {"sites": audits[1].lenses["sites"]["findings"]["sites"]}},
        },
    )
    with pytest.raises(AuditError, match="older versions"):
        opened([first, older])
    with pytest.raises(AuditError, match="holds an audit"):
        holistic.compare(audits, out=first.path)


def test_audits_of_other_examples_are_refused(audits: list[Audit], tmp_path: Path) -> None:
    shutil.copytree(audits[1].path, tmp_path / "other")
    other = Audit.load(tmp_path / "other")
    findings = [other.finding(name) for name in other.lenses["sites"]["findings"]]
    table = findings[1].table
    digests = pa.array([f"x{i}" for i in range(len(table))])
    data = table.data.set_column(1, table.data.schema.field("digest"), digests)
    findings[1] = replace(findings[1], table=Table(table.columns, data), say=None)
    with pytest.raises(AuditError, match="share no example"):
        opened([audits[0], other.add("sites", findings, 0.0)])


def test_the_command_writes_a_folder(
    audits: list[Audit], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(audit.path) for audit in audits[:2]]
    out = str(tmp_path / "out")
    assert main(["compare", *folders, "--out", out, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["findings"]["compare.statements"]["rows"] > 20
    assert main(["compare", *folders, "--out", out]) == 0  # it is written again
    assert main(["compare", folders[0]]) == 2
    assert "two audits" in capsys.readouterr().err
    assert main(["report", out]) == 0


def _other_build(audit: Audit, path: Path) -> Audit:
    """An audit as a model of another architecture could have given it: its last layer is wider."""
    found = another(audit, path, order=[np.arange(12), np.arange(9)], seed=3)
    sites = audit.finding("sites")
    data = sites.table.data
    last = max(i for i, hidden in enumerate(data["hidden"].to_pylist()) if hidden)
    units = data["units"].to_pylist()
    units[last] += 1
    data = data.set_column(
        data.column_names.index("units"), data.schema.field("units"), pa.array(units, pa.int64())
    )
    wider = replace(sites, table=Table(sites.table.columns, data), say=None)
    return found.add("sites", [wider, found.finding("sites.examples")], 0.0)


def test_a_name_that_two_architectures_share_is_not_taken_for_one_place(
    audits: list[Audit], tmp_path: Path
) -> None:
    other = _other_build(audits[0], tmp_path / "wide")
    hidden = [str(row["site"]) for row in audits[0]["sites"].rows() if row["hidden"]]
    compared = holistic.compare([audits[0], other], out=tmp_path / "cmp")
    names = {str(row["site"]): row["layer"] for row in compared["sites"].rows()}
    assert names[hidden[0]] == "L1"
    assert (names[hidden[1]], names[f"{hidden[1]} (wide)"]) == ("a L2", "wide L2")
    statements = list(compared["compare.statements"].rows(Statement))
    assert {row.site for row in statements if row.site} == {hidden[0]}
    assert not any("L2" in row.about for row in statements)
    assert hidden[1] not in compared["compare.statistics"].cells("site")
    matched = {(row.site, row.other_site) for row in compared["compare.matching"].rows(Matching)}
    assert (hidden[1], hidden[1]) not in matched
    assert "of a L2's units" in partners(compared["compare.matching"], compared)[1]
    assert "2 architectures" in " ".join(compared.finding("compare.statements").caveats)


def test_one_architecture_by_other_names_is_compared_layer_by_layer(
    audits: list[Audit], tmp_path: Path
) -> None:
    renamed = shutil.copytree(audits[1].path, tmp_path / "renamed")
    other = Audit.load(Path(renamed))
    found = replace(other, provenance={**other.provenance, "key": "renamed"})
    names = {str(row["site"]) for row in other["sites"].rows()}
    for lens, entry in other.lenses.items():
        findings = [_renamed(other.finding(name), names) for name in entry["findings"]]
        found = found.add(lens, findings, 0.0)
    ours, theirs = (
        holistic.compare([audits[0], one], out=tmp_path / name)
        for name, one in (("same", audits[1]), ("other", found))
    )
    for name in ("compare.statements", "compare.statistics", "compare.matching"):
        assert len(theirs[name]) == len(ours[name])
    assert theirs["compare.statements"].cells("about") == ours["compare.statements"].cells("about")


def _renamed(finding: Finding, names: set[str]) -> Finding:
    """Give every site another name, as modules of other names would."""
    data = finding.table.data
    for column in filter(of_sites, finding.table.columns):
        cells = data[column.name].to_pylist()
        cells = [f"body.{cell}" if cell in names else cell for cell in cells]
        place = data.column_names.index(column.name)
        data = data.set_column(place, data.schema.field(place), pa.array(cells, pa.string()))
    return replace(finding, table=Table(finding.table.columns, data), say=None)
