"""A ResNet-18 and a quick look at it: fewer examples, a few of its layers, wider intervals."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

import holistic

CLASSES = ["stripes", "checks", "dots", "waves"]
COMMAND = (
    "run resnet18_quick:textures --model resnet18_quick:resnet18 --weights {folder}/net.pt "
    "--quick --sites #-2:"
)


class Block(nn.Module):
    """Two convolutions and the way around them."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(after), nn.ReLU()
        self.conv2, self.bn2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        self.around: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.around = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + self.around(x))


def resnet18(width: int = 64) -> nn.Module:
    """Four stages of two blocks (He et al. 2016, table 1), with a stem for small pictures."""
    stages, before = list[nn.Module](), width
    for stage in range(4):
        after = width * 2**stage
        stages += [Block(before, after, 1 if stage == 0 else 2), Block(after, after, 1)]
        before = after
    stem = [nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    end = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, len(CLASSES))]
    return nn.Sequential(*stem, *stages, *end)


def textures(count: int = 600, size: int = 32) -> tuple[Tensor, Tensor, list[str]]:
    """Coloured textures at random places, with noise."""
    torch.manual_seed(0)
    labels = torch.arange(count) % len(CLASSES)
    shift = 6 * torch.rand(count, 2, 1, 1)
    x = torch.arange(size).expand(count, size, size) + shift[:, 0]
    y = x.movedim(1, 2) - shift[:, 0] + shift[:, 1]
    kinds = (
        (x * 1.2).sin(),
        (x * 1.2).sin().sign() * (y * 1.2).sin().sign(),
        ((x * 0.9).sin() * (y * 0.9).sin()).clamp(min=0.6) - 0.6,
        (x + 3 * (y / 2).sin()).sin(),
    )
    planes = torch.stack(kinds, 1)[torch.arange(count), labels]
    colours = 0.5 + torch.rand(count, 3, 1, 1)
    return planes[:, None] * colours + 0.2 * torch.randn(count, 3, size, size), labels, CLASSES


def train(model: nn.Module, images: Tensor, labels: Tensor, steps: int) -> nn.Module:
    """Train on batches of 64."""
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    for step in range(steps):
        rows = torch.arange(64 * step, 64 * (step + 1)) * 7 % len(labels)
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(images[rows]), labels[rows]).backward()
        optimiser.step()
    return model.eval()


def tiny() -> nn.Module:
    """The same network with very few channels."""
    return resnet18(4)


def small_textures() -> tuple[Tensor, Tensor, list[str]]:
    """Few small pictures."""
    return textures(120, 16)


def main(folder: Path, *, short: bool = False, lenses: list[str] | None = None) -> holistic.Audit:
    """Train, and take a quick look at the last two layers from Python; `short` for a tiny one."""
    folder.mkdir(parents=True, exist_ok=True)
    images, labels, classes = small_textures() if short else textures()
    torch.manual_seed(0)
    model = train(tiny() if short else resnet18(), images, labels, 60 if short else 25)
    torch.save(model.state_dict(), folder / "net.pt")
    subject = holistic.Subject(model, (images, labels), classes, name="resnet18", sites="#-2:")
    audit = holistic.audit(subject, out=folder / "audit", lenses=lenses, quick=True)
    audit.report(folder / "resnet18.html")
    return audit


if __name__ == "__main__":
    print(main(Path("made/resnet18_quick")).summary())
