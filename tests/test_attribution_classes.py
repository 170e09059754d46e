"""Answers on classes: how far their maps vary, who is near whom, and maps of every example."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import holistic
import slow_attribution as slow
from holistic.attributing.written import GROUPS, methods_of, write_maps
from holistic.cli import main
from holistic.errors import SettingError
from holistic.lenses.attribution import Attribution
from holistic.lenses.attribution._baselines import baseline_rows
from holistic.lenses.attribution._confused_pairs import nearest_rivals
from holistic.lenses.attribution._maps import named_methods
from holistic.lenses.attribution._sample import balanced
from holistic.lenses.attribution.contrasts import _pairs, most_pairs
from holistic.lenses.attribution.methods import class_maps, methods_finding
from holistic.progress import silent
from planted_attribution import told_apart_by_a_corner
from zoo import ZOO, make

FEW = Attribution(
    examples=16, steps=6, noise_draws=2, fractions=4, random_orders=2, methods="saliency"
)


def subject_of(name: str) -> holistic.Subject:
    return holistic.Subject(make(ZOO[name]), (ZOO[name].images(60), torch.arange(60) % 4))


def test_class_maps_vary_as_their_images_do() -> None:
    rng = np.random.default_rng(0)
    shares, labels = torch.from_numpy(rng.random((2, 9, 3, 4)).astype(np.float32)), [0, 2] * 4 + [1]
    means, spreads = class_maps(shares, torch.tensor(labels), 4)
    for label in (0, 2):
        own = shares.numpy()[:, np.array(labels) == label]
        np.testing.assert_allclose(means[:, label], own.mean(1), rtol=1e-5)
        by_hand = np.sqrt(((own - own.mean(1, keepdims=True)) ** 2).sum(1) / (own.shape[1] - 1))
        np.testing.assert_allclose(spreads[:, label], by_hand, rtol=1e-5)
    np.testing.assert_allclose(means[:, 1], shares[:, 8])
    assert np.isnan(spreads[:, [1, 3]]).all()  # of one image, and of none
    assert not means[:, 3].any()


def test_an_audit_says_how_many_images_class_maps_rest_on() -> None:
    arrays = methods_finding(subject_of("cnn"), FEW, silent).arrays
    assert arrays["attribution.class_counts"].tolist() == [4, 4, 4, 4]
    spread = arrays["attribution.class_spread"]
    assert spread.shape == arrays["attribution.class_maps"].shape
    assert (spread > 0).any()


def test_pairs_are_every_class_with_its_nearest_rival_and_those_confused() -> None:
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(size=(90, 6)), rng.integers(0, 6, 90)
    logits[np.arange(90), labels] += 4
    found = nearest_rivals(logits, labels, among=np.ones(6, bool))
    for own, rival in found.items():
        assert rival == slow.nearest_rival(logits.tolist(), labels.tolist(), own)
    few = nearest_rivals(logits, labels, among=np.array([1, 1, 0, 1, 0, 0], bool))
    assert set(few) | set(few.values()) <= {0, 1, 3}
    assert nearest_rivals(logits, labels, among=np.eye(6, dtype=bool)[0]) == {}

    subject = told_apart_by_a_corner()
    pairs = _pairs(subject, Attribution())
    assert len(pairs) == 5
    assert pairs[0].why == "confused and nearest"
    part = subject.selection
    logits, labels = subject.predict(part.images).tolist(), part.labels.tolist()
    for own in range(4):
        pair = {own, slow.nearest_rival(logits, labels, own)}
        (found_pair,) = (p for p in pairs if {p.first, p.second} == pair)
        assert "nearest" in found_pair.why
    assert most_pairs(subject, Attribution(contrast_work=0)) == 5
    assert most_pairs(subject, Attribution(contrast_work=1e24)) == 8


def test_how_far_maps_depend_on_the_baseline_is_a_row_of_their_methods() -> None:
    subject = subject_of("cnn")
    lens = Attribution(examples=16, steps=6, methods="saliency,integrated_gradients,occlusion")
    rows = list(baseline_rows(subject, lens, named_methods(lens), subject.evaluation))
    assert [row.method for row in rows] == ["integrated_gradients", "occlusion"]
    some = balanced(subject.evaluation, 4, subject.seed)
    expected = holistic.baseline_dependence(
        subject, some.images, "integrated_gradients", some.labels, steps=6
    )
    assert rows[0].value.value == pytest.approx(expected.mean(), rel=1e-5)
    assert rows[0].n == 4
    assert all(row.passed is None for row in rows)
    assert all(0 < row.value.value < row.value.control <= 1 for row in rows)
    finding = methods_finding(subject, lens, silent)
    assert "baseline_dependence" in finding.table.column("metric")
    assert any("what stands for nothing" in line for line in finding.statements)


@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "smoothgrad"])
def test_maps_in_files_are_those_of_a_call(method: str, tmp_path: Path) -> None:
    subject = subject_of("cnn")
    chosen, refused = methods_of(subject, [method])
    (path,) = write_maps(subject, chosen, subject.labels, tmp_path / "maps")
    assert not refused
    expected = holistic.attribute(subject, subject.images, method, subject.labels)
    np.testing.assert_array_equal(np.load(path), expected.numpy())
    assert [p.name for p in path.parent.iterdir()] == [f"{method}.npy"]


def test_groups_of_methods_leave_out_what_a_model_can_t_have() -> None:
    subject = subject_of("mlp")
    chosen, refused = methods_of(subject, ["gradients"])
    assert {"saliency", "integrated_gradients", "lrp"} <= {method.name for method in chosen}
    assert "occlusion" not in {method.name for method in chosen}
    assert "attention_rollout" in refused
    every, _ = methods_of(subject, ["all"])
    assert {"occlusion", "rise"} <= {method.name for method in every}
    assert GROUPS == ("gradients", "usual", "all")
    with pytest.raises(SettingError, match=r"no method 'salience' .did you mean 'saliency'"):
        methods_of(subject, ["salience"])


def test_one_command_maps_every_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["attribute", "digits", "--limit", "60", "--methods", "saliency,input_x_gradient"]
    assert main([*words, "--out", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["examples"] == 60
    for path in document["files"].values():
        assert np.load(path).shape == (60, 1, 8, 8)
    assert main([*words, "--target", "no such", "--out", str(tmp_path)]) == 2
    assert "no class 'no such'" in capsys.readouterr().err
