"""A convolutional network on a folder of pictures: circles, crosses and bars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor, nn

import holistic

CLASSES = ["bar", "circle", "cross"]
COMMAND = "run folder:{folder}/pictures --model pictures_cnn:Net --weights {folder}/net.pt --quick"


class Net(nn.Module):
    """Two convolutions whose activations are functions, and two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 12, 3, padding=1)
        self.fc1, self.fc2 = nn.Linear(12 * 3 * 3, 16), nn.Linear(16, len(CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def draw(folder: Path, count: int) -> None:
    """Write grey pictures of 16 × 16 pixels, one folder for each class."""
    rng = np.random.default_rng(0)
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for n in range(count):
            picture = Image.new("L", (16, 16))
            pen, (x, y) = ImageDraw.Draw(picture), rng.integers(5, 11, 2).tolist()
            if name == "circle":
                pen.ellipse((x - 4, y - 4, x + 4, y + 4), outline=255)
            else:
                pen.line((x - 4, y, x + 4, y), fill=255)
            if name == "cross":
                pen.line((x, y - 4, x, y + 4), fill=255)
            noise = rng.integers(0, 60, (16, 16))
            pixels = np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{n}.png")


def read(folder: Path) -> tuple[Tensor, Tensor]:
    """Read them as `folder:` does: pixels from 0 to 1, classes in the order of their names."""
    files = [path for name in CLASSES for path in sorted((folder / name).iterdir())]
    pixels = np.stack([np.asarray(Image.open(path)) for path in files])
    labels = [CLASSES.index(path.parent.name) for path in files]
    return torch.from_numpy(pixels).float()[:, None] / 255, torch.tensor(labels)


def train(images: Tensor, labels: Tensor) -> Net:
    """Train for some seconds."""
    torch.manual_seed(0)
    model = Net()
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(60):
        optimiser.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimiser.step()
    return model.eval()


def main(folder: Path, *, count: int = 100, lenses: list[str] | None = None) -> holistic.Audit:
    """Draw, train, and audit from Python."""
    draw(folder / "pictures", count)
    images, labels = read(folder / "pictures")
    model = train(images, labels)
    torch.save(model.state_dict(), folder / "net.pt")
    subject = holistic.Subject(model, (images, labels), classes=CLASSES, name="pictures")
    audit = holistic.audit(subject, out=folder / "audit", lenses=lenses, quick=True)
    audit.report(folder / "pictures.html")
    return audit


if __name__ == "__main__":
    print(main(Path("made/pictures_cnn")).summary())
