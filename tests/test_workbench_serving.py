"""Does a page that is started in Python answer for the model in hand, and for no other?"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import holistic
from holistic.cli.serve import _model
from holistic.errors import SettingError
from holistic.report.saved import Audit
from holistic.workbench import serving
from holistic.workbench.live import Live, Removal
from planted_live import turning
from runs_mechanism import QUICK

SET = {"session": "s", "number": 1, "units": [["1", 0], ["3", 2]], "edit": "zero"}


@pytest.fixture(scope="module")
def subject() -> holistic.Subject:
    return turning()


@pytest.fixture(scope="module")
def audit(subject: holistic.Subject, tmp_path_factory: pytest.TempPathFactory) -> holistic.Audit:
    return holistic.audit(subject, out=tmp_path_factory.mktemp("held"), lenses=[QUICK])


def asked(address: str, question: str, told: dict[str, Any]) -> Any:
    host, _, token = address.removeprefix("http://").partition("/#token=")
    line = http.client.HTTPConnection(host, timeout=30)
    headers = {"Origin": f"http://{host}", "X-Holistic-Token": token}
    line.request("POST", f"/api/{question}", json.dumps(told), headers)
    answer = json.loads(line.getresponse().read())
    line.close()
    return answer


def test_a_page_is_served_beside_other_code_until_it_is_closed(
    audit: holistic.Audit, subject: holistic.Subject
) -> None:
    with holistic.serve(audit.path, subject) as page:
        assert asked(page.address, "state", {})["live"]
        got = asked(page.address, "remove", SET)
        wanted = Live(subject).remove(Removal({"1": (0,), "3": (2,)}, "zero"))
        assert got["confusion"] == wanted["confusion"]
        assert page.address in repr(page)
        assert page.address in page._repr_html_()
    place = page.address.split("/")[2].split(":")
    with socket.socket() as line, pytest.raises(ConnectionRefusedError):
        line.connect((place[0], int(place[1])))
    page.close()


def test_another_subject_is_refused(audit: holistic.Audit, subject: holistic.Subject) -> None:
    told = (subject.images, subject.labels)
    for other, word in (
        (holistic.Subject(subject.untrained(1).model, told, classes=subject.classes), "weights"),
        (holistic.Subject(subject.model, told, classes=["x", "y", "z"]), "classes"),
        (holistic.Subject(subject.model, told, classes=subject.classes, seed=1), "seed"),
        (holistic.Subject(subject.model, told, classes=subject.classes, score="logit"), "score"),
        (
            holistic.Subject(
                subject.model, (-subject.images, subject.labels), classes=subject.classes
            ),
            "data",
        ),
        (
            holistic.Subject(
                subject.model, told, classes=subject.classes, forward=lambda m, x: 2 * m(x)
            ),
            "computation",
        ),
        (
            holistic.Subject(
                subject.model, told, classes=subject.classes, selection=subject.evaluation_indices
            ),
            "splits",
        ),
    ):
        with pytest.raises(SettingError, match=f"other {word} now than when"):
            holistic.serve(audit, other)


def test_missing_packages_are_named(
    audit: holistic.Audit, subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "find_spec", lambda name: None if name == "duckdb" else name)
    with pytest.raises(SettingError, match=r"needs duckdb.*\[app\]"):
        holistic.serve(audit, subject)


def test_a_script_that_ends_ends_its_page(audit: holistic.Audit) -> None:
    script = (
        "import sys, holistic; from planted_live import turning; "
        f"print(holistic.serve({str(audit.path)!r}, turning()).address, flush=True)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120,
        cwd=Path(__file__).parent,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("http://127.0.0.1:")


def test_code_that_an_audit_names_runs_only_when_trusted(tmp_path: Path) -> None:
    made = {"model": "os:getcwd", "data": "digits", "seed": 0, "weights": None, "limit": None,
            "score": "margin", "unit_axis": []}  # fmt: skip
    foreign = Audit.create(tmp_path / "foreign", {"key": "0", "source": made})
    assert "--trust" in str(_model(foreign, None, trust=False))
    assert "--trust" not in str(_model(foreign, None, trust=True))
    weights = {**made, "model": "mlp", "weights": str(tmp_path / "w.safetensors")}
    named = Audit.create(tmp_path / "weights", {"key": "0", "source": weights})
    assert "--trust reads it" in str(_model(named, None, trust=False))
    assert "aren't at" in str(_model(named, None, trust=True))
    nothing = Audit.create(tmp_path / "python", {"key": "0"})
    assert "Python" in str(_model(nothing, None, trust=False))


def test_a_model_that_isn_t_the_audited_one_answers_nothing(
    tmp_path: Path, subject: holistic.Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("load_source", "obtain_model"):
        monkeypatch.setattr(f"holistic.cli.subjects.{name}", lambda *_, **__: None)
    monkeypatch.setattr("holistic.cli.subjects.whole_subject", lambda *_: subject)
    made = {"model": "mlp", "data": "digits", "seed": 0, "weights": None, "limit": None,
            "score": "margin", "unit_axis": []}  # fmt: skip
    known = {
        "weights": subject.fingerprint["weights"],
        "data_sha256": subject.fingerprint["data"],
        "classes": list(subject.classes),
        "score": subject.score,
        "seed": subject.seed,
    }
    for name in ("", *known):
        told = {"key": "0", "source": made, **known, **({name: "another"} if name else {})}
        audit = Audit.create(tmp_path / f"audit{name}", told)
        (audit.path / "model.safetensors").touch()
        answer = _model(audit, None, trust=False)
        assert isinstance(answer, Live) if not name else "has other" in str(answer)
