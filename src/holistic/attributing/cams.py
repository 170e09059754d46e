"""Methods that weigh the activations of one site by gradients: Grad-CAM and Layer-CAM."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from holistic.attributing.masked import spread_out
from holistic.attributing.method import Attribute, Batch, Method, Option, Setup, no_gradients
from holistic.errors import SettingError, listed
from holistic.graph.sites import Site
from holistic.study.planes import planes
from holistic.study.presented import steps_first
from holistic.study.subject import Subject

__all__ = ["METHODS", "on_planes"]

_OPTIONS = {
    "site": Option("", meaning="name of the site; the last with at least two positions by default"),
}


def _no_map(subject: Subject) -> str:
    """Say why no site has positions that lie like the input's."""
    if no_gradients(subject):
        return no_gradients(subject)
    if subject.input_kind.name == "features":
        return "features have no places that a site could have a map of"
    found = _default_site(subject)
    return "" if found else "no site's positions lie like the pixels of the input"


def _default_site(subject: Subject) -> Site | None:
    """The last hidden site with a map from which the logits' slopes aren't zero nearly everywhere.

    Behind the last attention of a transformer only one token is read.
    """
    sites = [s for s in subject.all_sites if _fits(subject, s) and not subject.gradients.at(s.name)]
    hidden = [site for site in sites if site.hidden] or sites
    return next((site for site in reversed(hidden) if _read(subject, site)), None)


@torch.enable_grad()
def _read(subject: Subject, site: Site) -> bool:
    """Whether the logits depend on at least two places of a site, after its first token."""
    images = subject.probes[:2]
    value = subject.downstream(images, (), [site.name])[1][site.name].detach().requires_grad_()
    slope = _slope(subject.logits_from(images, {site.name: value}).square().sum(), value)
    return int((slope.abs().sum(-1).flatten(1)[:, 1:].amax(0) > 0).sum()) > 1


def _fits(subject: Subject, site: Site) -> bool:
    shape, positions = subject.images.shape[1:], site.positions
    if site.op in ("scaled_dot_product_attention", "matmul", "bmm"):
        return False  # heads by features
    if subject.input_kind.pictures:
        return _square(positions) is not None
    return len(positions) == 1 and 1 < positions[0] <= max(shape)


def _square(positions: tuple[int, ...]) -> tuple[int, int, int] | None:
    """Rows and columns of positions, and how many tokens come before them; None where neither."""
    if len(positions) == 2 and min(positions) > 1:
        return positions[0], positions[1], 0
    if len(positions) != 1 or positions[0] < 4:
        return None
    for before in (0, 1):
        side = math.isqrt(positions[0] - before)
        if side > 1 and side * side == positions[0] - before:
            return side, side, before
    return None


def _site_of(given: Setup) -> Site:
    subject, name = given.subject, given.settings["site"]
    site = subject.site(name) if name else _default_site(subject)
    assert site is not None
    if not _fits(subject, site):
        fitting = [one.name for one in subject.all_sites if _fits(subject, one)]
        raise SettingError(
            f"site '{site.name}' has no map: its positions are {site.positions}; "
            f"sites that have one are {listed(fitting)}"
        )
    if why := subject.gradients.at(site.name):
        raise SettingError(f"site '{site.name}' has no gradient: {why}; name another site")
    return site


def on_planes(subject: Subject, values: Tensor, images: Tensor) -> Tensor:
    """Bring what sites' positions hold, `[B, P…]`, to the images' planes, `[B, H, W]`."""
    height, width = planes(images[:1]).shape[2:]
    if subject.input_kind.pictures:
        found = _square(tuple(values.shape[1:]))
        assert found is not None
        if values.dim() == 2:
            values = values[:, found[2] :].unflatten(1, found[:2])
        return F.interpolate(values[:, None], (height, width), mode="bilinear")[:, 0]
    turned = images.dim() == 3 and steps_first(subject.all_sites, images.shape[1:])
    steps = height if turned else width
    row = F.interpolate(values[:, None], steps, mode="linear")[:, 0]  # [B, steps]
    each = row[:, :, None] if turned else row[:, None]
    return each.expand(-1, height, width) / (width if turned else height)


def _cam(given: Setup, layer: bool) -> Attribute:
    subject, site = given.subject, _site_of(given)

    def attribute(batch: Batch) -> Tensor:
        value = subject.downstream(batch.images, (), [site.name])[1][site.name]  # [B, P…, U]
        value = value.detach().requires_grad_()
        with torch.enable_grad():
            logits = subject.logits_from(batch.images, {site.name: value})
            total = given.points.scored(logits, batch.targets).sum()
            slope = _slope(total, value)
        value = value.detach()
        if layer:
            maps = (slope.clamp(min=0) * value).sum(-1)
        else:
            maps = (slope.flatten(1, -2).mean(1)[:, None] * value.flatten(1, -2)).sum(-1)
            maps = maps.reshape(value.shape[:-1])  # [B, P…]
        return spread_out(on_planes(subject, maps.float(), batch.images), batch.images)

    return attribute


def _slope(total: Tensor, value: Tensor) -> Tensor:
    if not total.requires_grad:
        return torch.zeros_like(value)
    found = torch.autograd.grad(total, value, materialize_grads=True, allow_unused=True)
    return found[0]


METHODS = (
    Method(
        "grad_cam",
        lambda given: _cam(given, layer=False),
        "Σₖ (mean over positions of ∂s/∂Aₖ) Aₖ, enlarged; signed",
        "Selvaraju et al. 2017, eq. 1 and 2, without the ReLU",
        "on small parts: it is as coarse as its site, and one weight stands for all positions",
        options=_OPTIONS,
        needs=(_no_map,),
        audited=True,
    ),
    Method(
        "layer_cam",
        lambda given: _cam(given, layer=True),
        "Σₖ ReLU(∂s/∂Aₖ) Aₖ at each position, enlarged",
        "Jiang et al. 2021, eq. 5 and 6",
        "where parts speak against the class: negative slopes are dropped",
        options=_OPTIONS,
        needs=(_no_map,),
        audited=True,
    ),
)
