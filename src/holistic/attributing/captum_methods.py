"""Captum's methods, imported without a warning that notebooks lack a package for progress."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from captum.attr import InputXGradient, IntegratedGradients, NoiseTunnel, Saliency

__all__ = ["InputXGradient", "IntegratedGradients", "NoiseTunnel", "Saliency"]
