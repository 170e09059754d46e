"""A subject says in a few lines what it is, in a terminal and in a notebook."""

from __future__ import annotations

import torch
from torch import nn

import holistic


def test_a_subject_says_what_it_is_and_what_to_do_next() -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    data = torch.rand(60, 4), torch.arange(60) % 3
    subject = holistic.Subject(model.eval(), data, classes=["a", "b<i>", "c"], name="m<x>")
    lines = repr(subject).splitlines()
    assert lines[0] == "Subject 'm<x>'"
    assert [line.split()[0] for line in lines[1:]] == "model data splits classes score".split()
    assert "Sequential, 83 parameters" in lines[1]
    assert "60 examples of shape 4" in lines[2]
    assert "30 to choose on (selection), 30 to measure on" in lines[3]
    page = subject._repr_html_()
    assert "b&lt;i&gt;" in page
    assert "<i>" not in page
    assert "<x>" not in page
    assert "2 with 11 units: L1 (relu 1), L2 (relu 3)" in page
    assert "holistic.audit(subject" in page
    assert "2 with 11 units" in repr(subject)  # traced by now


def test_a_subject_without_hidden_units_says_so() -> None:
    data = torch.rand(60, 4), torch.arange(60) % 3
    page = holistic.Subject(nn.Linear(4, 3).eval(), data)._repr_html_()
    assert "no hidden units" in page
