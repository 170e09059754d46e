"""Estimates what replacing each unit does from one backward pass."""

from __future__ import annotations

import torch
from torch import Tensor

from holistic.graph.engine import Change
from holistic.graph.loops import ablation_values
from holistic.replacing.sweep import Pass
from holistic.study.subject import Subject

__all__ = ["first_order"]


def first_order(subject: Subject, run: Pass) -> list[Tensor]:
    """Estimate every unit's effect on a pass's examples from one backward pass.

    The score's gradient with respect to a site's value, times what the ablation value would change
    (attribution patching, Nanda 2023; Syed et al. 2023, equation 2), summed over positions.

    Parameters
    ----------
    subject
        The model under study.
    run
        Whose units would be replaced by what on which B examples, all in one batch.

    Returns
    -------
    list of Tensor
        `[B, U]` for each site; zeros where the model has no gradients.
    """
    images, labels, places = run.examples(subject)
    sites = [site for site in run.sites if not subject.gradients.at(site.name)]
    values: dict[str, Tensor] = {}

    def watched(name: str) -> Change:
        def change(value: Tensor) -> Tensor:
            values[name] = value if value.requires_grad else value.detach().requires_grad_()
            return values[name].clone()

        return change

    with torch.enable_grad():
        logits = subject.gradients.engine.run(images, (), {s.name: watched(s.name) for s in sites})[
            0
        ]
        total = subject.score_of(logits, labels).sum()
        points = [values[site.name] for site in sites]
        pulled = torch.autograd.grad(total, points) if sites else ()
    gradients = dict(zip([site.name for site in sites], pulled, strict=True))
    found: list[Tensor] = []
    for site in run.sites:
        gradient = gradients.get(site.name)
        if gradient is None:
            found.append(torch.zeros(len(images), site.units, device=images.device))
            continue
        value, change = values[site.name].detach(), torch.zeros(())
        drawn = list(ablation_values(subject, site, run.edit, (images, places), run.draws))
        for new in drawn:
            change = change + (new - value) / len(drawn)
        product = gradient * change  # [B, P…, U]
        found.append(product.flatten(1, -2).sum(1) if product.dim() > 2 else product)
    return found
