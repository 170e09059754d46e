"""Which architectures must the engine handle? One table of named cases.

Each case makes a small model in evaluation-ready form and images for it; `hidden` names sites that
must be found among the hidden ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 4


@dataclass(frozen=True)
class Case:
    build: Callable[[], nn.Module]
    images: Callable[[int], Tensor]
    hidden: tuple[str, ...]
    traced: bool = True
    extra: str | None = None
    """A package that the case needs and that the project can do without."""


def make(case: Case, seed: int = 0) -> nn.Module:
    """Build a case's model with weights (and batch-norm statistics) drawn from a seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = case.build()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2.0)
                module.weight.data.uniform_(0.5, 1.5)
                module.bias.data.normal_()
    return model.eval()


def pictures(*shape: int, dtype: torch.dtype = torch.float32) -> Callable[[int], Tensor]:
    def draw(count: int) -> Tensor:
        generator = torch.Generator().manual_seed(count)
        return torch.randn(count, *shape, generator=generator).to(dtype)

    return draw


def tokens(length: int, words: int) -> Callable[[int], Tensor]:
    def draw(count: int) -> Tensor:
        generator = torch.Generator().manual_seed(count)
        return torch.randint(words, (count, length), generator=generator)

    return draw


class Residual(nn.Module):
    """In-place ReLU, one ReLU module reused, in-place addition."""

    def __init__(self, inplace: bool = True) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.conv1, self.bn1 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=inplace)
        self.inplace = inplace
        self.head = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.stem(x))
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.inplace:
            y += x
        else:
            y = y + x
        return self.head(self.relu(y).mean((2, 3)))


class Functional(nn.Module):
    """Operations that no module owns, dropout, flatten."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 5, 3)
        self.fc1, self.fc2 = nn.Linear(45, 8), nn.Linear(8, CLASSES)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        x = F.relu(self.fc1(self.dropout(x.flatten(1))))
        return self.fc2(F.dropout(x, 0.3, self.training))


class Dense(nn.Module):
    """Every layer reads all earlier ones."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(1, 3, 1), nn.Conv2d(4, 3, 1), nn.Conv2d(7, 4, 1)
        self.head = nn.Linear(11, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([x, F.relu(self.a(x))], 1)
        x = torch.cat([x, F.relu(self.b(x))], 1)
        x = torch.cat([x, F.relu(self.c(x))], 1)
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Gated(nn.Module):
    """Squeeze-and-excite gate over a depthwise-separable convolution with group norm."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(1, 6, 3, padding=1), nn.GroupNorm(2, 6)
        self.depthwise, self.pointwise = nn.Conv2d(6, 6, 3, groups=6), nn.Conv2d(6, 8, 1)
        self.squeeze, self.excite = nn.Linear(8, 3), nn.Linear(3, 8)
        self.act = nn.Hardswish()
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm(self.stem(x)))
        x = F.relu6(self.pointwise(self.depthwise(x)))
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean((2, 3))))))
        return self.head((x * gate[:, :, None, None]).mean((2, 3)))


class Block(nn.Module):
    def __init__(self, width: int = 8, heads: int = 2, fused: bool = True) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 12), nn.GELU(), nn.Linear(12, width))

    def forward(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        qkv = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        if self.fused:
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            mixed = (q @ k.transpose(-2, -1) / (d // self.heads) ** 0.5).softmax(-1) @ v
        x = x + self.out(mixed.transpose(1, 2).reshape(b, t, d))
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    def __init__(self, fused: bool = True) -> None:
        super().__init__()
        self.embed = nn.Linear(16, 8)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.blocks = nn.ModuleList([Block(fused=fused), Block(fused=fused)])
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = x.unfold(2, 4, 4).unfold(3, 4, 4).reshape(x.shape[0], 4, 16)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), self.embed(x)], 1)
        for block in self.blocks:
            x = block(x)
        return self.head(x[:, 0])


class Encoder(nn.Module):
    """PyTorch's own transformer layer over word embeddings, with tied weights."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
        self.up, self.down = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)
        self.down.weight = self.up.weight
        self.head = nn.Linear(8, CLASSES)

    def forward(self, words: Tensor) -> Tensor:
        x = self.layer(self.embed(words)).mean(1)
        return self.head(self.down(F.relu(self.up(x))))


class Recurrent(nn.Module):
    """Rows of the image one after another."""

    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU]) -> None:
        super().__init__()
        self.rnn = kind(8, 6, batch_first=True)
        self.fc, self.head = nn.Linear(6, 7), nn.Linear(7, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        rows, _ = self.rnn(x[:, 0])
        return self.head(F.relu(self.fc(rows[:, -1])))


class Returns(nn.Module):
    """Logits inside a tuple or a dict."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.body, self.kind = mlp(), kind

    def forward(self, x: Tensor) -> object:
        logits = self.body(x)
        return {"logits": logits, "other": x} if self.kind == "dict" else (logits, x)


class Branching(nn.Module):
    """Control flow that depends on the data: can't be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.fc1(x.flatten(1)))
        if float(x.sum()) > 1e9:
            x = x * 2
        return self.fc2(x)


class OneDimensional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv1d(1, 5, 3), nn.ELU()
        self.pool, self.head = nn.AvgPool1d(2), nn.Linear(35, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(self.act(self.conv(x))).flatten(1))


def mlp(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    layers = [nn.Flatten(), nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 9), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(9, CLASSES)).to(dtype)


def cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 5, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(5, 6, 3, stride=2),
        nn.BatchNorm2d(6),
        nn.LeakyReLU(),
        nn.Flatten(),
        nn.Linear(6, CLASSES),
    )


def hugging_face(kind: str) -> nn.Module:
    """Image classifiers of the transformers library, built from tiny configurations."""
    import transformers as hf

    small = {"num_channels": 1, "num_labels": CLASSES}
    if kind == "resnet":
        shape = {"embedding_size": 4, "hidden_sizes": [4, 6], "depths": [1, 1]}
        return hf.ResNetForImageClassification(
            hf.ResNetConfig(layer_type="basic", **shape, **small)
        )
    if kind == "convnext":
        shape = {"patch_size": 2, "hidden_sizes": [3, 4], "depths": [1, 1], "num_stages": 2}
        return hf.ConvNextForImageClassification(hf.ConvNextConfig(**shape, **small))
    config = hf.ViTConfig(
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=6,
        image_size=8,
        patch_size=4,
        attn_implementation="eager" if kind == "vit, eager" else "sdpa",
        **small,
    )
    return hf.ViTForImageClassification(config)


def hugging_face_case(kind: str, pixels: int, *hidden: str) -> Case:
    shape = pictures(1, pixels, pixels)
    return Case(lambda: hugging_face(kind), shape, hidden, extra="transformers")


ZOO = {
    "mlp": Case(mlp, pictures(1, 8, 8), ("2", "4")),
    "mlp float64": Case(
        lambda: mlp(torch.float64), pictures(1, 8, 8, dtype=torch.float64), ("2", "4")
    ),
    "mlp bfloat16": Case(
        lambda: mlp(torch.bfloat16), pictures(1, 8, 8, dtype=torch.bfloat16), ("2", "4")
    ),
    "cnn": Case(cnn, pictures(1, 8, 8), ("1", "5")),
    "residual in-place": Case(Residual, pictures(1, 6, 6), ("relu", "relu#2", "relu#3")),
    "residual": Case(
        lambda: Residual(inplace=False), pictures(1, 6, 6), ("relu", "relu#2", "relu#3")
    ),
    "functional": Case(Functional, pictures(1, 8, 8), ("relu", "relu#2")),
    "dense": Case(Dense, pictures(1, 5, 5), ("relu", "relu#2", "relu#3")),
    "gated": Case(Gated, pictures(1, 6, 6), ("act", "relu6", "relu", "sigmoid")),
    "transformer": Case(
        Transformer,
        pictures(1, 8, 8),
        ("blocks.0.scaled_dot_product_attention", "blocks.0.mlp.1", "blocks.1.mlp.1"),
    ),
    "transformer, attention spelled out": Case(
        lambda: Transformer(fused=False), pictures(1, 8, 8), ("blocks.0.matmul#2", "blocks.1.mlp.1")
    ),
    "encoder layer": Case(Encoder, tokens(5, 11), ("layer.relu", "relu")),
    "lstm": Case(lambda: Recurrent(nn.LSTM), pictures(1, 5, 8), ("relu",)),
    "gru": Case(lambda: Recurrent(nn.GRU), pictures(1, 5, 8), ("relu",)),
    "tuple": Case(lambda: Returns("tuple"), pictures(1, 8, 8), ("body.2", "body.4")),
    "dict": Case(lambda: Returns("dict"), pictures(1, 8, 8), ("body.2", "body.4")),
    "one-dimensional": Case(OneDimensional, pictures(1, 16), ("act",)),
    "data-dependent": Case(Branching, pictures(1, 8, 8), ("act",), traced=False),
    "hf vit": hugging_face_case(
        "vit",
        8,
        "vit.layers.0.attention.scaled_dot_product_attention",
        "vit.layers.1.mlp.activation_fn",
    ),
    "hf vit, eager": hugging_face_case(
        "vit, eager", 8, "vit.layers.0.attention.matmul#2", "vit.layers.0.mlp.activation_fn"
    ),
    "hf resnet": hugging_face_case(
        "resnet",
        16,
        "resnet.embedder.embedder.activation",
        "resnet.encoder.stages.1.layers.0.activation",
    ),
    "hf convnext": hugging_face_case("convnext", 8, "convnext.encoder.stages.1.layers.0.act"),
}
