"""Where do the units of common layers lie? One table of small networks with the right numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Layout:
    """A network, the shape of one input, and the number of units of each hidden site.

    `units` is what the traced engine finds; `hooked`, where hooks see less, what they find.
    """

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    units: dict[str, int]
    hooked: dict[str, int] | None = None


class Body(nn.Module):
    """Layers by name and a function over them: a network in one place."""

    def __init__(self, run: Callable[[Body, Tensor], Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.run = run
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self, x)


class ChannelsLast(nn.Module):
    """ConvNeXt's block: features last, then first again."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise, self.norm = nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.LayerNorm(6)
        self.up, self.act, self.down = nn.Linear(6, 10), nn.GELU(), nn.Linear(10, 6)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + self.down(self.act(self.up(y))).permute(0, 3, 1, 2)


class Mixer(nn.Module):
    """One hidden layer over tokens, one over features."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm = nn.Linear(4, 6), nn.LayerNorm(6)
        self.tokens = nn.Sequential(nn.Linear(16, 9), nn.GELU(), nn.Linear(9, 16))
        self.features = nn.Sequential(nn.Linear(6, 11), nn.GELU(), nn.Linear(11, 6))
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x.reshape(x.shape[0], 16, 4))
        x = x + self.tokens(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return self.head((x + self.features(x)).mean(1))


class Shuffled(nn.Module):
    """Grouped convolutions whose channels change groups."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 8, 1), nn.Conv2d(8, 8, 3, groups=2)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x))
        x = x.view(x.shape[0], 2, 4, 8, 8).transpose(1, 2).reshape(x.shape[0], 8, 8, 8)
        return self.head(F.relu(self.second(x)).mean((2, 3)))


class Spelled(nn.Module):
    """Layers written as sums over named axes."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Parameter(torch.randn(7, 1)), nn.Parameter(torch.randn(5, 7))
        self.head = nn.Parameter(torch.randn(4, 5))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(torch.einsum("bchw,oc->bohw", x, self.one))
        x = F.relu(torch.einsum("oc,bchw->bohw", self.two, x))
        return torch.einsum("bohw,ko->bk", x, self.head)


class Heads(nn.Module):
    """Attention beside a hidden layer, by PyTorch's own module."""

    def __init__(self) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
        self.up, self.act, self.down = nn.Linear(8, 12), nn.GELU(), nn.Linear(12, 8)
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, 0]
        x = x + self.attend(x, x, x, need_weights=False)[0]
        return self.head(self.norm(x + self.down(self.act(self.up(x)))).mean(1))


class Root(nn.Module):
    """Root-mean-square norm by hand, around a gated hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.gate, self.up = nn.Linear(8, 6), nn.Linear(6, 10), nn.Linear(6, 10)
        self.act, self.down, self.head = nn.SiLU(), nn.Linear(10, 6), nn.Linear(6, 4)
        self.scale = nn.Parameter(torch.ones(6))

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x[:, 0])  # [B, P, D]
        y = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.scale
        x = x + self.down(self.act(self.gate(y)) * self.up(y))
        return self.head(x.mean(1))


def sequence(*layers: nn.Module) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(*layers)


def rows(net: Body, x: Tensor) -> Tensor:
    """Rows of the image as channels, columns as steps."""
    return x[:, 0]


def glu(net: Body, x: Tensor) -> Tensor:
    first, second = net.up(x.flatten(1)).chunk(2, -1)
    return net.head(first * second.sigmoid())


def highway(net: Body, x: Tensor) -> Tensor:
    x = net.embed(x.flatten(1))
    gate = net.gate(x).sigmoid()
    return net.head(gate * net.other(x).tanh() + (1 - gate) * x)


def maxout(net: Body, x: Tensor) -> Tensor:
    return net.head(net.fc(x.flatten(1)).view(-1, 7, 3).max(-1).values)


def split_and_joined(net: Body, x: Tensor) -> Tensor:
    first, second = F.relu(net.conv(rows(net, x))).split([4, 5], 1)
    return net.head(torch.cat([net.one(first).relu(), net.two(second).relu()], 1).mean(2))


def best_steps(net: Body, x: Tensor) -> Tensor:
    return net.head(F.relu(net.conv(rows(net, x))).topk(2, -1).values.tanh().flatten(1))


def step_by_step(net: Body, x: Tensor) -> Tensor:
    steps = [net.act(net.fc(step)) for step in rows(net, x).unbind(1)]
    return net.head(torch.stack(steps, 1).mean(1))


def last_state(net: Body, x: Tensor) -> Tensor:
    _, (state, _) = net.rnn(rows(net, x))
    return net.head(state[-1])


def both_ways(net: Body, x: Tensor) -> Tensor:
    return net.head(net.act(net.fc(net.rnn(rows(net, x))[0])).amax(1))


def transposed_pool(net: Body, x: Tensor) -> Tensor:
    x = net.act(net.fc(rows(net, x)))  # [B, P, U]
    return net.head(net.pool(x.transpose(1, 2)).flatten(1))


def after_pool(net: Body, x: Tensor) -> Tensor:
    return net.head(net.act(net.norm(net.pool(net.fc(rows(net, x)).transpose(1, 2)))).mean(2))


def folded(net: Body, x: Tensor) -> Tensor:
    """Each row goes through the layer as an example of its own."""
    return net.head(net.act(net.fc(x.reshape(-1, 8))).view(-1, 8, 6).mean(1))


def tokens_first(net: Body, x: Tensor) -> Tensor:
    return net.head(net.act(net.fc(rows(net, x).transpose(0, 1))).mean(0))


def frames(net: Body, x: Tensor) -> Tensor:
    """Four pictures of two rows each go through convolutions as examples of their own."""
    x = net.deep(net.act(net.norm(net.conv(x.reshape(-1, 1, 2, 8)))))
    return net.head((x * torch.sigmoid(x)).mean((2, 3)).view(-1, 4, 7).mean(1))


def rows_first(net: Body, x: Tensor) -> Tensor:
    """Rows of one example don't lie side by side until they are put back."""
    x = net.act(net.fc(rows(net, x).transpose(0, 1).reshape(-1, 8)))
    return net.head(x.view(8, -1, 6).mean(0))


def named(equation: str) -> Callable[[Body, Tensor], Tensor]:
    """A hidden layer over rows, written as a sum over named axes; `s` counts its units."""

    def run(net: Body, x: Tensor) -> Tensor:
        y = torch.relu(torch.einsum(equation, rows(net, x), net.fc.weight))
        return net.head(y.mean(1 if equation.endswith("s") else 2))

    return run


def named_tokens(net: Body, x: Tensor) -> Tensor:
    """Steps are mixed: the new ones are the units."""
    x = torch.einsum("btd,st->bsd", net.fc(rows(net, x)), net.steps.weight)
    return net.head(torch.relu(x).mean(2))


def dotted(net: Body, x: Tensor) -> Tensor:
    return net.head(torch.relu(torch.tensordot(rows(net, x), net.fc.weight, ([1], [1]))).mean(1))


def spectrum(net: Body, x: Tensor) -> Tensor:
    return net.head(net.act(torch.fft.fft2(net.fc(rows(net, x))).real).mean(1))


def scaled(net: Body, x: Tensor) -> Tensor:
    return net.head(2 * net.act(net.fc(x.flatten(1))))


def summed(net: Body, x: Tensor) -> Tensor:
    return net.head(sum(net.act(net.fc(step)) for step in rows(net, x).unbind(2)))


def pooled_tokens(net: Body, x: Tensor) -> Tensor:
    return net.head(net.act(net.norm(net.fc(rows(net, x)))).mean(1))


def flattened(net: Body, x: Tensor) -> Tensor:
    return net.head(net.act(net.fc(rows(net, x))).flatten(1))


def squeezed(net: Body, x: Tensor) -> Tensor:
    x = net.act(net.conv(x))
    gate = net.gate(net.up(net.inner(net.down(x.mean((2, 3), keepdim=True)))))
    return net.head(x.mean((2, 3)) + (x * gate).mean((2, 3)))


def outer(net: Body, x: Tensor) -> Tensor:
    return net.head(F.relu(x.flatten(1)[:, None] * net.weight.weight).sum(-1).tanh())


def by_matrix(net: Body, x: Tensor) -> Tensor:
    return net.head(F.relu(net.fc.weight @ rows(net, x)).mean(2))


PICTURE = (1, 8, 8)

LAYOUTS: dict[str, Layout] = {
    "linear": Layout(
        sequence(nn.Flatten(), nn.Linear(64, 9), nn.ReLU(), nn.Linear(9, 4)), PICTURE, {"2": 9}
    ),
    "linear, batch norm": Layout(
        sequence(nn.Flatten(), nn.Linear(64, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, 4)),
        PICTURE,
        {"3": 9},
    ),
    "convolution of one axis": Layout(
        sequence(nn.Conv1d(2, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(84, 4)),
        (2, 16),
        {"1": 6},
    ),
    "convolution of one axis, batch norm": Layout(
        sequence(nn.Conv1d(1, 6, 3), nn.BatchNorm1d(6), nn.ReLU(), nn.Flatten(), nn.Linear(372, 4)),
        (1, 64),
        {"2": 6},
    ),
    "convolution of one axis, layer norm over all": Layout(
        sequence(
            nn.Conv1d(2, 6, 3), nn.LayerNorm([6, 14]), nn.GELU(), nn.Flatten(), nn.Linear(84, 4)
        ),
        (2, 16),
        {"2": 6},
    ),
    "convolution of one axis, group norm": Layout(
        sequence(
            nn.Conv1d(2, 6, 3),
            nn.GroupNorm(2, 6),
            nn.SiLU(),
            nn.AvgPool1d(2),
            nn.Flatten(),
            nn.Linear(42, 4),
        ),
        (2, 16),
        {"2": 6},
    ),
    "convolution of one axis, instance norm": Layout(
        sequence(
            nn.Conv1d(2, 6, 3),
            nn.InstanceNorm1d(6, affine=True),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(84, 4),
        ),
        (2, 16),
        {"2": 6},
    ),
    "convolution of one axis, pools": Layout(
        sequence(
            nn.Conv1d(2, 6, 3),
            nn.MaxPool1d(2),
            nn.ReLU(),
            nn.Conv1d(6, 5, 3),
            nn.ELU(),
            nn.AdaptiveAvgPool1d(2),
            nn.Hardtanh(),
            nn.Flatten(),
            nn.Linear(10, 4),
        ),
        (2, 16),
        {"2": 6, "4": 5, "6": 5},
    ),
    "convolution of one axis, transposed": Layout(
        sequence(nn.ConvTranspose1d(2, 5, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(85, 4)),
        (2, 8),
        {"1": 5},
    ),
    "convolution": Layout(
        sequence(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(180, 4)),
        PICTURE,
        {"1": 5},
    ),
    "convolution, transposed": Layout(
        sequence(
            nn.ConvTranspose2d(1, 5, 2, 2),
            nn.LeakyReLU(),
            nn.AdaptiveMaxPool2d(2),
            nn.Flatten(),
            nn.Linear(20, 4),
        ),
        PICTURE,
        {"1": 5},
    ),
    "convolution, instance norm": Layout(
        sequence(
            nn.Conv2d(1, 5, 3), nn.InstanceNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Linear(180, 4)
        ),
        PICTURE,
        {"2": 5},
    ),
    "convolution, layer norm over all": Layout(
        sequence(
            nn.Conv2d(1, 5, 3),
            nn.LayerNorm([5, 6, 6]),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(180, 4),
        ),
        PICTURE,
        {"2": 5},
    ),
    "convolution of three axes": Layout(
        sequence(
            nn.Conv3d(1, 3, 2),
            nn.BatchNorm3d(3),
            nn.ReLU(),
            nn.AvgPool3d(3),
            nn.Flatten(),
            nn.Linear(3, 4),
        ),
        (1, 4, 4, 4),
        {"2": 3},
    ),
    "flattened, batch norm": Layout(
        sequence(
            nn.Conv2d(1, 5, 3),
            nn.ReLU(),
            nn.Flatten(),
            nn.BatchNorm1d(180),
            nn.Tanh(),
            nn.Linear(180, 4),
        ),
        PICTURE,
        {"1": 5, "4": 180},
    ),
    "tokens": Layout(
        sequence(
            nn.Flatten(1, 2),
            nn.Linear(8, 6),
            nn.LayerNorm(6),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(48, 4),
        ),
        PICTURE,
        {"3": 6},
    ),
    "channels last": Layout(
        lambda: nn.Sequential(
            nn.Conv2d(1, 6, 2, 2),
            ChannelsLast(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(6, 4),
        ),
        PICTURE,
        {"1.act": 10},
    ),
    "mixer": Layout(Mixer, PICTURE, {"tokens.1": 9, "features.1": 11}),
    "attention": Layout(
        Heads,
        PICTURE,
        {"attend.scaled_dot_product_attention": 2, "act": 12},
        {"act": 12},
    ),
    "gated transformer, root norm": Layout(Root, PICTURE, {"mul#3": 10}, {"gate": 10, "up": 10}),
    "shuffled channels": Layout(
        Shuffled, PICTURE, {"relu": 8, "relu#2": 8}, {"first": 8, "second": 8}
    ),
    "sums over named axes": Layout(Spelled, PICTURE, {"relu": 7, "relu#2": 5}, {}),
    "matrix times columns": Layout(
        lambda: Body(by_matrix, fc=nn.Linear(8, 6), head=nn.Linear(6, 4)),
        PICTURE,
        {"relu": 6},
        {},
    ),
    "product with a matrix, summed": Layout(
        lambda: Body(outer, weight=nn.Linear(64, 7), head=nn.Linear(7, 4)),
        PICTURE,
        {"relu": 64, "tanh": 7},
        {},
    ),
    "gated linear unit": Layout(
        sequence(nn.Flatten(), nn.Linear(64, 12), nn.GLU(), nn.Linear(6, 4)), PICTURE, {"2": 6}
    ),
    "gated linear unit, written out": Layout(
        lambda: Body(glu, up=nn.Linear(64, 12), head=nn.Linear(6, 4)),
        PICTURE,
        {"mul": 6},
        {"up": 12},
    ),
    "highway": Layout(
        lambda: Body(
            highway,
            embed=nn.Linear(64, 6),
            gate=nn.Linear(6, 6),
            other=nn.Linear(6, 6),
            head=nn.Linear(6, 4),
        ),
        PICTURE,
        {"add": 6},
        {"embed": 6, "gate": 6, "other": 6},
    ),
    "maxout": Layout(
        lambda: Body(maxout, fc=nn.Linear(64, 21), head=nn.Linear(7, 4)),
        PICTURE,
        {"getitem": 7},
        {"fc": 21},
    ),
    "split and joined": Layout(
        lambda: Body(
            split_and_joined,
            conv=nn.Conv1d(8, 9, 3),
            one=nn.Conv1d(4, 3, 1),
            two=nn.Conv1d(5, 2, 1),
            head=nn.Linear(5, 4),
        ),
        PICTURE,
        {"relu": 9, "relu#2": 3, "relu#3": 2},
        {"conv": 9, "one": 3, "two": 2},
    ),
    "largest steps": Layout(
        lambda: Body(best_steps, conv=nn.Conv1d(8, 5, 3), head=nn.Linear(10, 4)),
        PICTURE,
        {"relu": 5, "tanh": 5},
        {"conv": 5},
    ),
    "steps one by one": Layout(
        lambda: Body(step_by_step, fc=nn.Linear(8, 6), act=nn.ReLU(), head=nn.Linear(6, 4)),
        PICTURE,
        {"act": 6, **{f"act#{i}": 6 for i in range(2, 9)}},
    ),
    "last state": Layout(
        lambda: Body(last_state, rnn=nn.LSTM(8, 6, 2, batch_first=True), head=nn.Linear(6, 4)),
        PICTURE,
        {"rnn": 6},
        {},
    ),
    "recurrent both ways": Layout(
        lambda: Body(
            both_ways,
            rnn=nn.GRU(8, 6, batch_first=True, bidirectional=True),
            fc=nn.Linear(12, 7),
            act=nn.ReLU(),
            head=nn.Linear(7, 4),
        ),
        PICTURE,
        {"rnn": 12, "act": 7},
    ),
    "pool over transposed tokens": Layout(
        lambda: Body(
            transposed_pool,
            fc=nn.Linear(8, 6),
            act=nn.ReLU(),
            pool=nn.AdaptiveAvgPool1d(2),
            head=nn.Linear(12, 4),
        ),
        PICTURE,
        {"act": 6},
    ),
    "norm after a transposed pool": Layout(
        lambda: Body(
            after_pool,
            fc=nn.Linear(8, 6),
            pool=nn.AvgPool1d(2),
            norm=nn.BatchNorm1d(6),
            act=nn.Softplus(),
            head=nn.Linear(6, 4),
        ),
        PICTURE,
        {"act": 6},
    ),
    "rows as examples": Layout(
        lambda: Body(folded, fc=nn.Linear(8, 6), act=nn.ReLU(), head=nn.Linear(6, 4)),
        PICTURE,
        {"act": 6},
    ),
    "frames as examples": Layout(
        lambda: Body(
            frames,
            conv=nn.Conv2d(1, 5, (1, 3)),
            norm=nn.BatchNorm2d(5),
            act=nn.ReLU(),
            deep=nn.Conv2d(5, 7, 1),
            head=nn.Linear(7, 4),
        ),
        PICTURE,
        {"act": 5, "mul": 7},
        {"act": 5},
    ),
    "rows before examples, as examples": Layout(
        lambda: Body(rows_first, fc=nn.Linear(8, 6), act=nn.ReLU(), head=nn.Linear(6, 4)),
        PICTURE,
        {"view": 6},
        {},
    ),
    "steps before examples": Layout(
        lambda: Body(tokens_first, fc=nn.Linear(8, 6), act=nn.ReLU(), head=nn.Linear(6, 4)),
        PICTURE,
        {"act": 6},
        {},
    ),
    "squeeze and excitation": Layout(
        lambda: Body(
            squeezed,
            conv=nn.Conv2d(1, 6, 3),
            act=nn.ReLU(),
            down=nn.Conv2d(6, 3, 1),
            inner=nn.ReLU(),
            up=nn.Conv2d(3, 6, 1),
            gate=nn.Sigmoid(),
            head=nn.Linear(6, 4),
        ),
        PICTURE,
        {"act": 6, "inner": 3, "gate": 6, "mul": 6},
        {"act": 6, "inner": 3, "gate": 6},
    ),
    **{
        f"named axes, {equation}": Layout(
            lambda equation=equation: Body(
                named(equation), fc=nn.Linear(8, 6), head=nn.Linear(6, 4)
            ),
            PICTURE,
            {"relu": 6},
            {},
        )
        for equation in ("btd,sd->bts", "btd, sd -> bst", "...d,sd->...s", "bdt,sd", "btd,sd->bst")
    },
    "named axes, steps mixed": Layout(
        lambda: Body(
            named_tokens, fc=nn.Linear(8, 6), steps=nn.Linear(8, 11), head=nn.Linear(11, 4)
        ),
        PICTURE,
        {"relu": 11},
        {"fc": 6},
    ),
    "product by axes": Layout(
        lambda: Body(dotted, fc=nn.Linear(8, 6), head=nn.Linear(6, 4)), PICTURE, {"relu": 6}, {}
    ),
    "spectrum of tokens": Layout(
        lambda: Body(spectrum, fc=nn.Linear(8, 6), act=nn.ReLU(), head=nn.Linear(6, 4)),
        PICTURE,
        {"act": 6},
    ),
    "scaled after a module": Layout(
        lambda: Body(scaled, fc=nn.Linear(64, 6), act=nn.ReLU(), head=nn.Linear(6, 4)),
        PICTURE,
        {"act": 6},
    ),
    "summed over columns": Layout(
        lambda: Body(summed, fc=nn.Linear(8, 6), act=nn.Tanh(), head=nn.Linear(6, 4)),
        PICTURE,
        {"act": 6, **{f"act#{i}": 6 for i in range(2, 9)}},
    ),
    "tokens, root norm": Layout(
        lambda: Body(
            pooled_tokens,
            fc=nn.Linear(8, 6),
            norm=nn.RMSNorm(6),
            act=nn.ReLU(),
            head=nn.Linear(6, 4),
        ),
        PICTURE,
        {"act": 6},
    ),
    "one unit at every token": Layout(
        lambda: Body(flattened, fc=nn.Linear(8, 1), act=nn.ReLU(), head=nn.Linear(8, 4)),
        PICTURE,
        {"act": 1},
    ),
    "one channel of one axis": Layout(
        lambda: Body(flattened, fc=nn.Conv1d(8, 1, 3), act=nn.ReLU(), head=nn.Linear(6, 4)),
        PICTURE,
        {"act": 1},
    ),
}
