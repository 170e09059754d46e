"""Do the examples of the page on models run?"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

from holistic.errors import Notice

PAGE = Path(__file__).parents[1] / "docs" / "models.md"


def test_the_examples_run_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(examples) == 3
    names: dict[str, object] = {"__name__": "page"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for example in examples:
            exec(compile(example, str(PAGE), "exec"), names)
    told = [str(w.message) for w in caught if w.category is Notice]
    assert told == [
        "'last.ckpt': the weights are in its entry 'state_dict'",
        "'last.ckpt': the prefix 'model.' was taken off its names",
    ]
