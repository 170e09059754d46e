"""How do people write `forward`? One table of idioms that tracing may stumble over.

Each case has a hidden module `act` whose output is its units, on inputs `[B, 4, 6]` (words for
`words`); the slow twin hooks that module. `traced` says what the engine must make of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 3
ROWS, WIDTH = 4, 6


class Idiom(nn.Module):
    """A small classifier whose forward is given as a function of the module and its input."""

    def __init__(
        self,
        forward: Callable[[Idiom, Tensor], Tensor],
        inner: Callable[[Idiom], object] | None = None,
    ) -> None:
        super().__init__()
        self.first, self.act = nn.Linear(ROWS * WIDTH, 7), nn.ReLU()
        self.head = nn.Linear(7, CLASSES)
        self.run = forward
        if inner is not None:
            inner(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, `[B, C]`."""
        return self.run(self, x)

    def rest(self, flat: Tensor) -> Tensor:
        """From flat inputs `[B, 24]` to logits."""
        return self.head(self.act(self.first(flat)))

    def short(self, pooled: Tensor) -> Tensor:
        """From 8 pooled values `[B, 8]` to logits."""
        return self.head(self.act(self.small(pooled)))


@dataclass(frozen=True)
class Usage:
    """One idiom, and whether it can be traced."""

    forward: Callable[[Idiom, Tensor], Tensor]
    inner: Callable[[Idiom], object] | None = None
    traced: bool = True
    words: bool = False
    rows: bool = True
    """Whether `act` runs once and returns one row for each input, in their order."""

    def build(self) -> Idiom:
        """Make the model, in evaluation mode, with weights drawn from a seed."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return Idiom(self.forward, self.inner).eval()

    def images(self, count: int) -> Tensor:
        """Distinct inputs, `[count, 4, 6]`, or words `[count, 5]`."""
        generator = torch.Generator().manual_seed(count)
        if self.words:
            return torch.randint(1, 9, (count, 5), generator=generator)
        return torch.randn(count, ROWS, WIDTH, generator=generator)


def squeezed(m: Idiom, x: Tensor) -> Tensor:
    y = m.act(m.first(x.flatten(1)))[:, :, None, None]
    y = y.squeeze()
    return m.head(y if y.dim() == 2 else y[None])


def masked_in_place(m: Idiom, x: Tensor) -> Tensor:
    y = x.clone()
    y[y < 0] = 0.1
    return m.rest(y.flatten(1))


def masked_rows(m: Idiom, x: Tensor) -> Tensor:
    y = x.flatten(1).clone()
    y[y.sum(1) > 0] *= 2
    return m.rest(y)


def selected_rows(m: Idiom, x: Tensor) -> Tensor:
    flat = x.flatten(1)
    chosen = flat.sum(1) > 0
    out = flat.new_zeros(len(x), CLASSES)
    out[chosen] = m.rest(flat[chosen])
    out[~chosen] = m.rest(-flat[~chosen])
    return out


def listed_rows(m: Idiom, x: Tensor) -> Tensor:
    return torch.stack([m.rest(row.flatten()[None])[0] for row in x])


def early_exit(m: Idiom, x: Tensor) -> Tensor:
    out = m.rest(x.flatten(1))
    return out if bool(torch.isfinite(out).all()) else torch.zeros_like(out)


def chunked(m: Idiom, x: Tensor) -> Tensor:
    return torch.cat([m.rest(part) for part in x.flatten(1).split(4)])


def padded_encoder(m: Idiom, words: Tensor) -> Tensor:
    words = words.sort(1).values  # the words to leave out come last
    x = m.encoder(m.embed(words), src_key_padding_mask=words > 6)
    return m.short(x[:, 0])


def with_encoder(m: Idiom) -> None:
    m.embed, m.small = nn.Embedding(9, 8), nn.Linear(8, 7)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    m.encoder = nn.TransformerEncoder(layer, 1)


def with_embedding(m: Idiom) -> None:
    m.embed, m.small = nn.Embedding(9, 8, padding_idx=0), nn.Linear(8, 7)


def with_bag(m: Idiom) -> None:
    m.bag, m.small = nn.EmbeddingBag(9, 8, mode="mean"), nn.Linear(8, 7)


def bagged_flat(m: Idiom, words: Tensor) -> Tensor:
    offsets = torch.arange(0, words.numel(), words.shape[1], device=words.device)
    return m.short(m.bag(words.reshape(-1), offsets))


def strided(m: Idiom, x: Tensor) -> Tensor:
    x = x.contiguous()
    return m.rest(x.as_strided((len(x), ROWS * WIDTH), (ROWS * WIDTH, 1)))


def random_branch_in_training(m: Idiom, x: Tensor) -> Tensor:
    drawn = torch.rand(())
    y = x.flatten(1)
    return m.rest(y * 0 if m.training and float(drawn) < 0.5 else y)


def numpy_trip(m: Idiom, x: Tensor) -> Tensor:
    return m.rest(torch.from_numpy(np.clip(x.detach().numpy(), -1, 1)).flatten(1))


def packed(m: Idiom, words: Tensor) -> Tensor:
    lengths = (words < 8).sum(1).clamp(min=1).cpu()
    x = nn.utils.rnn.pack_padded_sequence(
        m.embed(words), lengths, batch_first=True, enforce_sorted=False
    )
    _, last = m.rnn(x)
    return m.short(last[-1])


def with_recurrence(m: Idiom) -> None:
    m.embed, m.rnn, m.small = nn.Embedding(9, 8), nn.GRU(8, 8, batch_first=True), nn.Linear(8, 7)


def stateful_start(m: Idiom, x: Tensor) -> Tensor:
    hidden = torch.zeros(1, x.size(0), 8, device=x.device)
    out, _ = m.rnn(m.pre(x), hidden)
    return m.short(out[:, -1])


def with_rows(m: Idiom) -> None:
    m.pre, m.rnn, m.small = nn.Linear(6, 8), nn.GRU(8, 8, batch_first=True), nn.Linear(8, 7)


def sequence_first(m: Idiom, x: Tensor) -> Tensor:
    out, _ = m.rnn(m.pre(x.permute(1, 0, 2)))
    return m.short(out[-1])


def with_rows_first(m: Idiom) -> None:
    m.pre, m.rnn, m.small = nn.Linear(6, 8), nn.LSTM(8, 8), nn.Linear(8, 7)


def with_script(m: Idiom) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m.scripted = torch.jit.script(nn.Sequential(nn.Linear(24, 24), nn.Tanh()))


def with_norm(m: Idiom) -> None:
    m.first = nn.utils.parametrizations.weight_norm(m.first)
    m.head = nn.utils.parametrizations.spectral_norm(m.head)


def with_old_norm(m: Idiom) -> None:
    m.first = nn.utils.spectral_norm(m.first)


def with_counter(m: Idiom) -> None:
    m.calls = 0
    m.register_buffer("seen", torch.zeros((), dtype=torch.long))


def counting(m: Idiom, x: Tensor) -> Tensor:
    m.calls += 1
    m.seen += len(x)
    return m.rest(x.flatten(1))


def caching(m: Idiom, x: Tensor) -> Tensor:
    m.last = m.act(m.first(x.flatten(1)))
    return m.head(m.last)


def with_lists(m: Idiom) -> None:
    m.outputs = []


def listing(m: Idiom, x: Tensor) -> Tensor:
    m.outputs.append(x.shape)
    return m.rest(x.flatten(1))


def with_compiled(m: Idiom) -> None:
    m.body = torch.compile(nn.Linear(24, 24), backend="eager")


def with_channels(m: Idiom) -> None:
    m.conv = nn.Conv2d(1, 2, 3, padding=1)
    m.conv.to(memory_format=torch.channels_last)


def channels_last(m: Idiom, x: Tensor) -> Tensor:
    y = x[:, None].to(memory_format=torch.channels_last)
    return m.rest(m.conv(y).mean(1).reshape(len(x), -1))


def window(m: Idiom, x: Tensor) -> Tensor:
    b, r, w = x.shape
    y = x.view(b, r // 2, 2, w // 3, 3).permute(0, 1, 3, 2, 4).reshape(-1, 2, 3)
    y = torch.tanh(y).view(b, r // 2, w // 3, 2, 3).permute(0, 1, 3, 2, 4).reshape(b, -1)
    return m.rest(y)


def complex_spectrum(m: Idiom, x: Tensor) -> Tensor:
    return m.rest(torch.fft.fft(x.flatten(1), norm="ortho").abs())


def with_multihead(m: Idiom) -> None:
    m.pre, m.attention = nn.Linear(6, 8), nn.MultiheadAttention(8, 2, batch_first=True)
    m.small = nn.Linear(8, 7)


def attending(m: Idiom, x: Tensor) -> Tensor:
    y = m.pre(x)
    y, _ = m.attention(y, y, y)
    return m.short(y.mean(1))


def causal(m: Idiom, x: Tensor) -> Tensor:
    y = m.pre(x)
    mask = nn.Transformer.generate_square_subsequent_mask(ROWS)
    y, _ = m.attention(y, y, y, attn_mask=mask, need_weights=False)
    return m.short(y[:, -1])


def partly_frozen(m: Idiom, x: Tensor) -> Tensor:
    with torch.no_grad():
        y = x.tanh()
    return m.rest(y.flatten(1))


def positions(m: Idiom, x: Tensor) -> Tensor:
    place = torch.arange(ROWS, device=x.device).repeat(x.shape[0], 1)
    return m.rest((x + 0.1 * place[:, :, None]).flatten(1))


def folded(m: Idiom, x: Tensor) -> Tensor:
    y = m.pre(x.reshape(-1, WIDTH)).tanh()
    return m.short(y.view(x.size(0), ROWS, -1).mean(1))


def sorted_rows(m: Idiom, words: Tensor) -> Tensor:
    order = words.sum(1).argsort(stable=True)
    out = m.short(m.embed(words[order]).mean(1))
    return out[order.argsort()]


def experts(m: Idiom, x: Tensor) -> Tensor:
    flat = x.flatten(1)
    out = torch.zeros(len(x), 7)
    which = m.router(flat).argmax(1)
    for number, expert in enumerate(m.experts):
        rows = (which == number).nonzero(as_tuple=True)[0]
        if len(rows):
            out.index_add_(0, rows, expert(flat[rows]))
    return m.head(m.act(out))


def with_experts(m: Idiom) -> None:
    m.router = nn.Linear(24, 3)
    m.experts = nn.ModuleList(nn.Linear(24, 7) for _ in range(3))


def half_inside(m: Idiom, x: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        y = m.first(x.flatten(1))
    return m.head(m.act(y.float()))


def checkpointed(m: Idiom, x: Tensor) -> Tensor:
    from torch.utils.checkpoint import checkpoint

    return m.head(checkpoint(lambda y: m.act(m.first(y)), x.flatten(1), use_reentrant=False))


IDIOMS = {
    "flatten": Usage(lambda m, x: m.rest(x.flatten(1))),
    "view of len": Usage(lambda m, x: m.rest(x.view(len(x), -1))),
    "view of size": Usage(lambda m, x: m.rest(x.view(x.size(0), -1))),
    "view of int": Usage(lambda m, x: m.rest(x.reshape(int(x.shape[0]), -1))),
    "view of -1": Usage(lambda m, x: m.rest(x.view(-1, ROWS * WIDTH))),
    "loop over len": Usage(
        lambda m, x: m.rest(torch.stack([x[i].flatten() for i in range(len(x))])), traced=False
    ),
    "squeeze": Usage(squeezed),
    "mask assigned": Usage(masked_in_place),
    "mask of rows": Usage(masked_rows),
    "where": Usage(lambda m, x: m.rest(torch.where(x > 0, x, 0.1 * x).flatten(1))),
    "masked_fill_": Usage(lambda m, x: m.rest(x.clone().masked_fill_(x < 0, 0.5).flatten(1))),
    "rows selected": Usage(selected_rows, rows=False),
    "rows in a list": Usage(listed_rows, traced=False, rows=False),
    "noise of no weight": Usage(
        lambda m, x: m.rest(x.flatten(1) + 0 * torch.rand(())), traced=False
    ),
    "early exit": Usage(early_exit, traced=False),
    "chunks": Usage(chunked, traced=False, rows=False),
    "padded encoder": Usage(padded_encoder, with_encoder, words=True),
    "embedding bag": Usage(lambda m, w: m.short(m.bag(w)), with_bag, words=True),
    "embedding bag with offsets": Usage(bagged_flat, with_bag, words=True),
    "one-hot": Usage(
        lambda m, w: m.short(F.one_hot(w - 1, 8).float().sum(1)), with_embedding, words=True
    ),
    "packed sequence": Usage(packed, with_recurrence, traced=False, words=True),
    "as_strided": Usage(strided),
    "drawn in training": Usage(random_branch_in_training),
    "number by numpy": Usage(lambda m, x: m.rest(x.flatten(1) / float(np.sqrt(x.shape[1])))),
    "through numpy": Usage(numpy_trip),
    "hidden state of zeros": Usage(stateful_start, with_rows),
    "sequence first": Usage(sequence_first, with_rows_first),
    "scripted part": Usage(
        lambda m, x: m.rest(m.scripted(x.flatten(1))), with_script, traced=False
    ),
    "compiled part": Usage(lambda m, x: m.rest(m.body(x.flatten(1))), with_compiled),
    "weight norm": Usage(lambda m, x: m.rest(x.flatten(1)), with_norm),
    "old spectral norm": Usage(lambda m, x: m.rest(x.flatten(1)), with_old_norm),
    "hook": Usage(
        lambda m, x: m.rest(x.flatten(1)),
        lambda m: m.act.register_forward_hook(lambda module, inputs, output: 2 * output),
    ),
    "pre-hook": Usage(
        lambda m, x: m.rest(x.flatten(1)),
        lambda m: m.head.register_forward_pre_hook(lambda module, inputs: (inputs[0] + 1,)),
    ),
    "counters": Usage(counting, with_counter),
    "value kept": Usage(caching),
    "list kept": Usage(listing, with_lists),
    "channels last": Usage(channels_last, with_channels),
    "windows": Usage(window),
    "spectrum": Usage(complex_spectrum),
    "attention": Usage(attending, with_multihead),
    "causal attention": Usage(causal, with_multihead),
    "positions repeated": Usage(positions),
    "rows folded into the batch": Usage(folded, with_multihead),
    "sorted and back": Usage(sorted_rows, with_embedding, words=True, rows=False),
    "experts": Usage(experts, with_experts, traced=False),
    "autocast inside": Usage(half_inside),
    "checkpoint": Usage(checkpointed),
    "vmap": Usage(lambda m, x: torch.func.vmap(lambda r: m.rest(r.flatten()))(x), rows=False),
    "unbind": Usage(lambda m, x: m.rest(torch.cat(x.unbind(1), 1))),
    "einsum": Usage(lambda m, x: m.rest(torch.einsum("brw,rs->bsw", x, torch.eye(4)).flatten(1))),
    "new_zeros": Usage(lambda m, x: m.rest(x.flatten(1) + x.new_zeros(x.size(0), 1))),
    "pad and roll": Usage(lambda m, x: m.rest(F.pad(x.roll(1, 2), (1, 0))[..., 1:].flatten(1))),
    "no_grad part": Usage(partly_frozen),
    "expand": Usage(lambda m, x: m.rest(x[:, :1].expand(x.shape[0], ROWS, -1).flatten(1))),
    "topk": Usage(lambda m, x: m.rest(x.flatten(1).topk(24, 1).values)),
    "cumsum of words": Usage(
        lambda m, w: m.short(m.embed(w).cumsum(1)[:, -1]), with_embedding, words=True
    ),
    "gather": Usage(
        lambda m, w: m.short(m.embed(w)[torch.arange(len(w)), w[:, 0] % 5]),
        with_embedding,
        words=True,
    ),
    "dtype by default": Usage(lambda m, x: m.rest(x.flatten(1) + torch.zeros(x.shape[0], 24))),
    "normalised by shape": Usage(lambda m, x: m.rest(F.layer_norm(x, x.shape[1:]).flatten(1))),
}
