"""Methods that read gradients at the image: saliency and input × gradient, plain or in noise."""

from __future__ import annotations

import torch
from torch import Tensor

from holistic.attributing.captum_methods import InputXGradient, NoiseTunnel, Saliency
from holistic.attributing.method import Attribute, Batch, Method, Option, Setup, no_gradients

__all__ = ["METHODS"]

_NOISE = {
    "noise": Option(0.15, 1e-6, 10.0, meaning="standard deviation, as a share of the range"),
    "draws": Option(16, 1, 100_000, meaning="noisy copies of each image"),
}


def _saliency(given: Setup) -> Attribute:
    method = Saliency(given.total)
    return lambda batch: method.attribute(
        batch.points, abs=False, additional_forward_args=given.further(batch)
    )


def _input_x_gradient(given: Setup) -> Attribute:
    method = InputXGradient(given.total)
    return lambda batch: method.attribute(
        batch.points, additional_forward_args=given.further(batch)
    )


def _in_noise(given: Setup, kind: str) -> Attribute:
    method, draws = NoiseTunnel(Saliency(given.total)), int(given.settings["draws"])

    def attribute(batch: Batch) -> Tensor:
        return method.attribute(
            batch.points,
            nt_type=kind,
            nt_samples=draws,
            nt_samples_batch_size=min(draws, max(1, given.rows // len(batch.points))),
            stdevs=given.settings["noise"] * _range(given, batch),
            abs=False,
            additional_forward_args=given.further(batch),
        )  # pyright: ignore[reportReturnType]

    return attribute


def _range(given: Setup, batch: Batch) -> float:
    among = batch.points.detach() if given.points.site else given.subject.studied
    low, high = torch.aminmax(among)
    return float(high - low)


METHODS = (
    Method(
        "saliency",
        _saliency,
        "∂s/∂x",
        "Simonyan et al. 2014",
        "where the score is flat although it depends on the pixel (saturation)",
        needs=(no_gradients,),
        slope=True,
        audited=True,
    ),
    Method(
        "input_x_gradient",
        _input_x_gradient,
        "x · ∂s/∂x",
        "Shrikumar et al. 2016",
        "wherever saliency does, and it can't see pixels that are zero",
        needs=(no_gradients,),
        complete=True,
        audited=True,
    ),
    Method(
        "smoothgrad",
        lambda given: _in_noise(given, "smoothgrad"),
        "mean of ∂s/∂x at x + noise",
        "Smilkov et al. 2017, section 3",
        "where noisy images are unlike any that the model knows",
        options=_NOISE,
        needs=(no_gradients,),
        slope=True,
        random=True,
        runs=lambda settings: int(settings["draws"]),
        audited=True,
    ),
    Method(
        "vargrad",
        lambda given: _in_noise(given, "vargrad"),
        "variance of ∂s/∂x at x + noise",
        "Adebayo et al. 2018, section 2",
        "it has no sign: it says where slopes vary, not what speaks for the class",
        options=_NOISE,
        needs=(no_gradients,),
        random=True,
        runs=lambda settings: int(settings["draws"]),
    ),
)
