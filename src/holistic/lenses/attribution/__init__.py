"""The lens `attribution` says which input pixels decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from holistic.graph.torch_settings import settled
from holistic.lenses._contract import Context, Lens, setting

if TYPE_CHECKING:
    from holistic.lenses._work import Scene, Work
    from holistic.results.findings import Finding
    from holistic.study.subject import Subject

__all__ = ["Attribution"]


@dataclass(frozen=True)
class Attribution(Lens):
    """Attribution maps by several methods, each put through tests that a wrong map would fail."""

    name: ClassVar[str] = "attribution"
    question: ClassVar[str] = "which input pixels decide?"

    objective: Literal["logit", "margin", "log_prob"] = "logit"
    """Number that is attributed to the pixels, for each example's own class."""
    examples: int = setting(200, 4, 10_000_000, quick=50, least=12)
    """Evaluation images that methods are tested on, as many of each class as can be."""
    methods: str = "usual"
    """Names of methods, separated by commas; `usual` for the usual ones, `all` for every one."""
    steps: int = setting(32, 2, 10_000, quick=16, least=10)
    """Points on the way from the baseline at which integrated gradients takes a gradient."""
    noise: float = setting(0.15, 0, 1, above=True)
    """Standard deviation of SmoothGrad's noise, as a share of the range of the inputs."""
    noise_draws: int = setting(16, 1, 10_000, quick=4, least=2)
    """Noisy copies of an image that SmoothGrad averages over."""
    fractions: int = setting(16, 2, 1000, quick=8, least=5)
    """Steps in which all pixels are removed or put in."""
    random_orders: int = setting(5, 1, 10_000, quick=2)
    """Random orders of the pixels behind the control of removal."""
    tolerance: float = setting(0.05, 0, 1, above=True)
    """Completeness fails where a map's sum misses the change of the objective by more."""
    similar: float = setting(0.5, 0, 1, above=True)
    """A rank correlation with a control's map or with edges fails from here on."""

    further_images: int = setting(40, 4, 100_000, quick=16, least=12)
    """Evaluation images of the tests that remake maps: under noise, with layers redrawn. Where they
    are as many as `trust_images`, both share the maps."""

    evidence_images: int = setting(50, 2, 100_000, quick=10, least=8)
    """Most evaluation images of a class of which windows are erased."""
    evidence_work: float = setting(5e11, 0, 1e24, quick=3e10, least=1e10)
    """Multiplications that all windows may cost: of a dearer model fewer windows are erased, on
    fewer images."""

    region_images: int = setting(50, 2, 100_000, quick=16, least=8)
    """Most evaluation images of a class of which regions, and as much elsewhere, are erased."""
    regions: int = setting(4, 1, 20, quick=3)
    """Regions of a class that are tested on evaluation images."""
    region_draws: int = setting(5, 1, 1000, quick=3)
    """Other regions that are erased of each image."""
    region_work: float = setting(2e11, 0, 1e24, quick=3e10, least=1e10)
    """Multiplications that erasing regions may cost: of a dearer model they are erased of fewer
    images."""

    contrast_work: float = setting(1e12, 0, 1e24, quick=3e10, least=1e10)
    """Multiplications that contrasting pairs of classes may cost; five pairs are contrasted
    whatever they cost."""

    shortcut_images: int = setting(48, 8, 10_000, quick=24, least=16)
    """Images of a class, and of others, on which a suspected shortcut is chosen; it is confirmed
    on up to four times as many evaluation images."""
    shortcut_work: float = setting(3e11, 0, 1e24, quick=3e10, least=1e10)
    """Multiplications that trying suspects may cost: of a dearer model fewer are tried."""

    def __post_init__(self) -> None:
        """Check the settings, names of methods among them.

        Raises
        ------
        SettingError
            If there is no such method, or another setting is out of its range.
        """
        super().__post_init__()
        if self.methods != "usual":
            from holistic.lenses.attribution._maps import named_methods

            named_methods(self)

    trust_images: int = setting(40, 8, 10_000, quick=16, least=12)
    """Most evaluation images whose maps are measured to say how far methods can be trusted."""
    label_features: int = setting(512, 8, 8192, quick=256, least=128)
    """Random features of the input and of each of three hidden sites that labels are judged by."""

    @settled(gradients=True)
    def run(self, subject: Subject, context: Context) -> Iterator[Finding]:
        """Yield `attribution.evidence`, `.labels`, `.regions`, `.methods` and `.contrasts`.

        Of pictures also `attribution.shortcuts`, `.strategies` and `.trust`, of features
        `attribution.response`; of tokens `attribution.labels`, `.words` and `.tokens` alone.
        """
        from holistic.lenses._pictures import drawn_as_pictures
        from holistic.lenses.attribution.contrasts import contrasts_finding
        from holistic.lenses.attribution.evidence import evidence_finding
        from holistic.lenses.attribution.labels import labels_finding
        from holistic.lenses.attribution.methods import methods_finding
        from holistic.lenses.attribution.regions import regions_finding
        from holistic.lenses.attribution.response import response_finding
        from holistic.lenses.attribution.shortcuts import shortcuts_finding
        from holistic.lenses.attribution.strategies import strategies_finding
        from holistic.lenses.attribution.trust import trust_finding
        from holistic.lenses.attribution.words import tokens_finding, words_finding

        kind = subject.input_kind.name
        labels = labels_finding(subject, self, context.progress)
        if kind == "tokens":
            yield labels
            yield words_finding(subject, self, context.progress)
            yield tokens_finding(subject)
            return
        yield evidence_finding(subject, self, context.progress)
        yield labels
        yield regions_finding(subject, self, context.progress)
        if drawn_as_pictures(subject):
            yield shortcuts_finding(subject, self, context.progress)
            yield strategies_finding(subject, self, context.progress)
        if kind == "features":
            yield response_finding(subject, self, context.progress)
        methods = methods_finding(subject, self, context.progress)
        yield methods
        if subject.input_kind.pictures:
            yield trust_finding(subject, self, context.progress)
        yield contrasts_finding(subject, self, methods.table, context.progress)

    def work(self, scene: Scene) -> Work:
        """Count what the lens is going to take with these settings."""
        from holistic.lenses.attribution._work import work

        return work(scene, self)
