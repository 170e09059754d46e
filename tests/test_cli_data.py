"""What the command line studies of the data that it is given, and as which classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import holistic
import holistic.cli
from fakes import network
from holistic.cli.options import Source
from holistic.cli.subjects import load_source
from holistic.errors import DataError, HolisticError, Notice
from holistic.study.models import RECIPES, Recipe
from holistic.study.pictures import read_folder
from holistic.study.weights import save_weights
from test_cli import terminal

assert terminal
Terminal = Callable[..., int]
SMALL = ("fakes:patterns", "--model", "fakes:network")


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Pictures of two kinds, 12 of each, some of them deeper down."""
    rng = np.random.default_rng(0)
    for kind, low in (("cat", 0), ("dog", 128)):
        (tmp_path / "pictures" / kind / "more").mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(low, low + 127, (8, 8), dtype=np.uint8)
            below = "more" if i % 3 else "."
            Image.fromarray(pixels).save(tmp_path / "pictures" / kind / below / f"{i}.png")
    return f"folder:{tmp_path / 'pictures'}"


def counts(run: Path | str) -> int:
    return sum(holistic.load(run).provenance["counts"].values())


def test_all_of_a_models_own_data_is_studied(terminal: Terminal, tmp_path: Path) -> None:
    save_weights(network(), tmp_path / "w.safetensors", {})
    assert terminal("run", *SMALL, "--out", "a") == 0
    assert terminal("run", *SMALL, "--weights", "w.safetensors", "--out", "b") == 0
    assert (counts("a"), counts("b")) == (120, 120)


def test_only_what_trains_a_model_here_is_set_aside(
    terminal: Terminal, tmp_path: Path, folder: str
) -> None:
    assert terminal("run", folder, "--out", "a") == 0
    own = tmp_path / "a" / "model.safetensors"
    assert counts("a") == 12
    assert terminal("run", folder, "--weights", own, "--out", "b") == 0
    assert counts("b") == 12
    assert terminal("run", folder, "--weights", own, "--out", "c", "--seed", 1) == 0
    assert counts("c") == 24  # the seed decides which half it was
    from safetensors.torch import load_file

    torch.save(load_file(own), tmp_path / "others.pt")
    assert terminal("run", folder, "--weights", "others.pt", "--out", "d") == 0
    assert counts("d") == 24
    audits = [holistic.load(run).provenance for run in "ab"]
    assert audits[0]["data_sha256"] == audits[1]["data_sha256"]


def loaded(folder: str, **settings: object) -> object:
    return load_source(Source(folder, model="fakes:network", **settings))  # type: ignore[arg-type]


def test_labels_of_a_folder_follow_the_models_names(folder: str) -> None:
    assert loaded(folder).test.labels.tolist() == [0] * 12 + [1] * 12
    for classes in (("dog,bird,cat",), ("dog", "bird", "cat"), ("dog, bird", "cat")):
        with pytest.warns(Notice, match="2 classes were found by name among the model's 3"):
            data = loaded(folder, classes=classes)
        assert data.test.labels.tolist() == [2] * 12 + [0] * 12
        assert data.classes == ("dog", "bird", "cat")
    assert loaded(folder, classes=("Katze,Hund",)).test.labels.tolist() == [0] * 12 + [1] * 12
    with pytest.raises(DataError, match="'cat' aren't among the names given, 'dog', 'bird'"):
        loaded(folder, classes=("dog,bird",))


def test_an_empty_folder_is_a_class_without_examples(folder: str) -> None:
    path = Path(folder.removeprefix("folder:"))
    (path / "ant").mkdir()
    data = loaded(folder)
    assert (data.classes, data.test.labels.tolist()) == (("ant", "cat", "dog"), [1] * 12 + [2] * 12)
    with pytest.raises(DataError, match=r"'.*ant' holds 0 pictures; at least 4 are needed"):
        load_source(Source(folder))
    for file in path.rglob("*.png"):
        file.unlink()
    with pytest.raises(DataError, match="holds no pictures"):
        loaded(folder)


def test_texts_are_labels_where_names_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "texts_of_mine.py").write_text(
        "import numpy as np\ndef data(): return np.zeros((6, 4)), ['dog', 'cat', 'dog'] * 2\n"
    )
    monkeypatch.chdir(tmp_path)
    data = loaded("texts_of_mine:data", classes=("cat,dog",))
    assert (data.classes, data.test.labels.tolist()) == (("cat", "dog"), [1, 0, 1, 1, 0, 1])


def test_pictures_are_brought_to_one_size(folder: str) -> None:
    path = Path(folder.removeprefix("folder:"))
    ramp = np.repeat(np.arange(0, 240, 15, dtype=np.uint8)[None], 8, 0)  # 8 × 16
    Image.fromarray(ramp).save(path / "dog" / "wide.png")
    with pytest.raises(DataError, match=r"have 2 sizes.* --resize"):
        loaded(folder)
    with pytest.warns(Notice, match="1 pictures of other proportions were stretched to the size"):
        images = loaded(folder, resize="8").test.images
    assert images.shape == (25, 1, 8, 8)
    small = read_folder(path, size=(4, 8)).pixels
    assert small.shape == (25, 1, 4, 8)
    wide = small[-1, 0]
    assert wide.std(0).max() < 1e-6  # rows are alike, columns rise in order
    assert (np.diff(wide[0]) > 0).all()
    np.testing.assert_allclose(wide.mean(), ramp.mean() / 255, atol=0.01)


def test_inputs_are_normalised(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = loaded(folder).test.images
    torch.testing.assert_close(
        loaded(folder, normalise="0.5,0.25").test.images, (plain - 0.5) / 0.25
    )
    (tmp_path / "colours_of_mine.py").write_text(
        "import numpy as np\nX = np.full((6, 3, 2, 2), 6, 'u1')\ndef data(): return X, [0, 1] * 3\n"
    )
    monkeypatch.chdir(tmp_path)
    images = loaded("colours_of_mine:data", normalise="1,2,3,1,2,3").test.images
    assert images[:, :, 0, 0].tolist() == [[5, 2, 1]] * 6
    import colours_of_mine  # type: ignore[import-not-found]

    assert (colours_of_mine.X == 6).all()
    with pytest.raises(DataError, match="a mean and a deviation, or 3 means and then 3 deviations"):
        loaded("colours_of_mine:data", normalise="1,2,3,4")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"resize": "big"}, "--resize needs a size, as 64 or 64x48 .*got 'big'"),
        ({"resize": "0x4"}, "--resize needs a size"),
        ({"normalise": "0.5"}, "--normalise needs means and then as many deviations above 0"),
        ({"normalise": "0.5,0"}, "deviations above 0"),
        ({"normalise": "x,1"}, "got 'x,1'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    folder: str, settings: dict[str, str], told: str
) -> None:
    with pytest.raises(HolisticError, match=told):
        loaded(folder, **settings)


def test_other_data_has_no_size() -> None:
    with pytest.raises(
        DataError, match=r"--resize is for the pictures of a folder:PATH, tar.* got 'digits'"
    ):
        load_source(Source("digits", resize="4"))


def test_an_audit_says_how_its_data_was_made(terminal: Terminal, folder: str) -> None:
    words = ("--resize", "8x8", "--normalise", "0.5,0.5", "--classes", "cat,dog")
    assert terminal("run", folder, *words, "--out", "a") == 0
    source = holistic.load("a").provenance["source"]
    assert source["resize"] == "8x8"
    assert source["normalise"] == "0.5,0.5"
    assert source["classes"] == ["cat,dog"]
    assert terminal("run", *SMALL, "--out", "b") == 0
    assert {"resize", "normalise", "classes"}.isdisjoint(holistic.load("b").provenance["source"])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("foldr:x", "no such data 'foldr:' \\(did you mean 'folder:'\\?\\); there are 'digits'"),
        ("Folder:x", "did you mean 'folder:'"),
        ("fakez:patterns", "No module named 'fakez'"),
        ("fakes:pattern", "has no attribute 'pattern' \\(did you mean 'patterns'\\?\\)"),
    ],
)
def test_slips_of_the_pen_are_named(name: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        load_source(Source(name))


def test_a_module_of_this_folder_may_be_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "birds_of_mine.py").write_text("def data(): return 1\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="did you mean 'birds_of_mine'"):
        load_source(Source("birds_of_min:data"))


def test_reference_models_have_an_output_for_each_name(
    terminal: Terminal, tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "mlp", Recipe(epochs=1, batch=8, rate=1e-3, steps=2))
    assert terminal("run", folder, "--classes", "dog,cat,owl", "--out", "a") == 0
    assert holistic.load("a").provenance["classes"] == ["dog", "cat", "owl"]
