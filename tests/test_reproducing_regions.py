"""Named parts of digits are found, others have as much ink, and what depends on one is told."""

import numpy as np
import pytest
import torch
from tests import slow_reproducing as slow
from torch import nn

import holistic
from holistic.reproducing import regions
from holistic.study.datasets import load_data


def six() -> np.ndarray:
    """A stem on the left and a ring at the lower right, which touch."""
    ink = np.zeros((16, 16))
    ink[1:14, 3:5] = 1
    ink[8:14, 5:11] = 1
    ink[10:12, 7:9] = 0
    return ink


def seven() -> np.ndarray:
    ink = np.zeros((16, 16))
    ink[2:4, 3:12] = 1
    ink[4:14, 9:11] = 1
    return ink


def test_a_planted_loop_and_a_planted_bar_are_found() -> None:
    found = regions.loop(six())
    assert found is not None
    assert found[9:13, 6:10].sum() == 12  # all around the hole of four pixels
    assert not found[:7].any()
    assert regions.loop(seven()) is None
    bar = regions.bar(seven())
    assert bar is not None
    assert bar[2:4, 3:12].all()
    assert not bar[6:].any()
    assert regions.bar(np.zeros((4, 4))) is None


@pytest.mark.parametrize(("digit", "name"), [(6, "loop"), (7, "bar"), (0, "loop")])
def test_parts_of_real_digits_are_those_found_the_long_way(digit: int, name: str) -> None:
    data = load_data("digits").test
    images = data.images[data.labels == digit][:12, 0].numpy()
    rng, find = np.random.default_rng(0), regions.PARTS[name][1]
    for ink in images:
        part, twin = find(ink), getattr(slow, name)(ink)
        assert (part is None) == (twin is None)
        if part is None:
            continue
        np.testing.assert_array_equal(part, twin)
        starts = np.argwhere(slow.drawn(ink) & ~part)
        start = tuple(int(x) for x in starts[rng.integers(len(starts))])
        other = regions.connected(ink, part, start)
        np.testing.assert_array_equal(other, slow.connected(ink, part, start))


def test_others_are_connected_have_as_much_ink_and_stay_outside() -> None:
    erased = regions.erasures(np.stack([six(), seven(), six()]), "loop", 0)
    assert erased.places.tolist() == [0, 2]
    for part, others in zip(erased.part, erased.others.swapaxes(0, 1), strict=True):
        for other in others:
            assert abs(other.sum() - part.sum()) <= 1
            reached = slow.filled(tuple(np.argwhere(other)[0]), other)
            assert len(reached) == other.sum()
            assert not (other & part).any()  # the stem has more ink than the loop


def test_faint_pixels_go_with_the_nearest_ink() -> None:
    ink = np.array([[0.0, 0.1, 1.0, 0.1, 0.0, 0.0, 0.1, 1.0, 0.1]])
    part = np.array([[False] * 7 + [True, False]])
    found = regions.with_rim(ink, part)[0].tolist()
    assert found == [False] * 6 + [True, True, True]
    erased = regions.erasures(load_data("digits").test.images[:200, 0].numpy(), "bar", 0)
    shown = load_data("digits").test.images[:200, 0].numpy()[erased.places]
    for image, part in zip(shown, erased.part, strict=True):
        faint = np.argwhere((image > 0) & ~slow.drawn(image) & ~part)
        kept = [tuple(at) for at in np.argwhere(slow.drawn(image) & ~part)]
        gone = [tuple(at) for at in np.argwhere(slow.drawn(image) & part)]
        # what stays of the faint ones is no nearer to what was erased than to what stays
        assert all(slow.distance(at, kept) <= slow.distance(at, gone) for at in faint)


class Sums(nn.Module):
    """Says 6 where there is enough ink in a mask, by one hidden layer."""

    def __init__(self, mask: np.ndarray, least: float) -> None:
        super().__init__()
        self.flat, self.sum, self.relu = nn.Flatten(), nn.Linear(mask.size, 1), nn.ReLU()
        self.out = nn.Linear(1, 2)
        with torch.no_grad():
            self.sum.weight.copy_(torch.from_numpy(mask.astype(np.float32)).reshape(1, -1))
            self.sum.bias.zero_()
            self.out.weight.copy_(torch.tensor([[0.0], [1.0]]))
            self.out.bias.copy_(torch.tensor([least, 0.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.relu(self.sum(self.flat(x))))


def subject(mask: np.ndarray, least: float) -> holistic.Subject:
    rng = np.random.default_rng(0)
    one = np.zeros((16, 16))
    one[1:14, 3:5] = 1
    images = np.stack([image * rng.uniform(0.8, 1) for image in [six(), one] * 40])
    data = torch.from_numpy(images).float()[:, None], torch.arange(80) % 2
    labels = 1 - data[1]
    return holistic.Subject(Sums(mask, least).eval(), (data[0], labels), classes=["1", "6"])


def test_a_network_that_hangs_on_the_loop_is_told_from_one_that_sums_all_ink() -> None:
    ring = np.zeros((16, 16), bool)
    ring[8:14, 5:11] = True
    hangs, mapped = regions.regions(subject(ring, 14.0), "loop")
    assert hangs.beats
    assert hangs.value == 1
    assert hangs.control < 0.5
    # what is read lies in the loop, and so does the map's evidence
    assert mapped.role == "remark"
    assert mapped.value > 4 * mapped.control
    assert mapped.beats
    # all ink counts alike, wherever it is: erasing the loop is no worse than another part
    sums, spread = regions.regions(subject(np.ones((16, 16), bool), 40.0), "loop")
    assert spread.value == pytest.approx(spread.control, abs=0.15)
    assert sums.value == sums.control == 1
    assert not sums.beats


def test_too_few_images_with_a_part_have_no_number() -> None:
    some = subject(np.ones((16, 16), bool), 30.0)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(regions, "_FEWEST", 100)
        both = regions.regions(some, "loop")
    assert len(both) == 2
    assert all(np.isnan(found.value) and not found.beats for found in both)
