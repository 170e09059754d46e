"""Serve audits and walk newcomers' paths through them: `python web/test/walk.py AUDIT [PNG]`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

import table_mlp
import texts_tokens
import torch
from torch import nn

import holistic

HERE = Path(__file__).parent


def main() -> int:
    """Walk all paths in Chromium; return the exit code of the first that doesn't end well."""
    found = _served_alone()
    with tempfile.TemporaryDirectory() as place:
        for kind, subject in _others():
            if found:
                break
            out = Path(place) / kind
            audit = holistic.audit(subject, out=out, lenses=["activation"], quick=True)
            with holistic.serve(audit, subject) as served:
                found = _walked("forms.mjs", served.address, kind)
    return found


def _served_alone() -> int:
    serve = [sys.executable, "-m", "holistic", "serve", sys.argv[1]]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout is not None
            return _walked("live.mjs", serving.stdout.readline().strip(), *sys.argv[2:])
        finally:
            serving.terminate()


def _walked(path: str, *arguments: str) -> int:
    return subprocess.run(["node", str(HERE / path), *arguments]).returncode


def _others() -> Iterator[tuple[str, holistic.Subject]]:
    """Models whose inputs are no pictures: a table with categories, texts, series."""
    frame = table_mlp.patients()
    frame["smokes"] = (frame["pulse"] > 0).astype("float32")
    frame = frame[[*(name for name in frame if name != "risk"), "risk"]]
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 2))
    yield "table", holistic.Subject(_fitted(net, *_numbers(frame)), frame)
    reviews = texts_tokens.reviews()
    yield "texts", holistic.Subject(texts_tokens.train(reviews), reviews)
    steps = torch.linspace(0, 6.28, 20)
    labels = torch.arange(200) % 2
    waves = torch.stack([(1 + labels)[:, None] * steps + torch.rand(200, 1)] * 2, 1).sin()
    waves += 0.1 * torch.randn_like(waves)
    net = nn.Sequential(nn.Conv1d(2, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(96, 2))
    yield "series", holistic.Subject(_fitted(net, waves, labels), (waves, labels))


def _numbers(frame: object) -> tuple[torch.Tensor, torch.Tensor]:
    table: object = frame
    inputs = torch.from_numpy(table.drop(columns="risk").to_numpy("float32"))  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    return inputs, torch.tensor(table["risk"].cat.codes.to_numpy(), dtype=torch.long)  # pyright: ignore[reportIndexIssue, reportUnknownMemberType]


def _fitted(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> nn.Module:
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(100):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimiser.step()
    return model.eval()


if __name__ == "__main__":
    sys.exit(main())
