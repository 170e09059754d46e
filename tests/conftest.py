"""What do the tests share?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import unlooked
from holistic import checking, starting
from holistic.report.saved import Audit
from holistic.study.datasets import Data, load_data

_ROOT = Path(__file__).resolve().parents[1]


def mnist_folder() -> Path:
    """Folder that should hold `mnist/`: `$HOLISTIC_DATA`, else `shared/data` beside the project."""
    return Path(os.environ.get("HOLISTIC_DATA") or _ROOT.parent / "shared" / "data").resolve()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests that need MNIST where it's absent, except where it must be there."""
    present = (mnist_folder() / "mnist").is_dir()
    if present or os.environ.get("HOLISTIC_REQUIRE_MNIST") == "1":
        return
    skip = pytest.mark.skip(reason=f"no MNIST in {mnist_folder()}; set HOLISTIC_DATA")
    for item in items:
        if item.get_closest_marker("mnist"):
            item.add_marker(skip)


@pytest.fixture(autouse=True, scope="session")
def _any_model() -> Iterator[None]:
    """Let tests audit whatever they like, without a first look; tests of the look undo this."""
    with pytest.MonkeyPatch.context() as patch:
        unlooked(patch)
        yield


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have audits begin with a first look, as they do for users."""
    monkeypatch.setattr(starting, "first_look", checking.first_look)


@pytest.fixture(scope="session")
def digits() -> Data:
    return load_data("digits")


@pytest.fixture(scope="session")
def mnist() -> Data:
    return load_data("mnist", data_dir=mnist_folder())


@pytest.fixture(scope="session")
def carried_audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """Two classes told by unit 0 alone; unit 1 responds just as well, and nothing reads it."""
    from small_audit import carried

    return carried(tmp_path_factory.mktemp("carried"))


@pytest.fixture(scope="session")
def small_audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """A small audit in which every lens ran."""
    from small_audit import audited

    return audited(tmp_path_factory.mktemp("small"))
