"""Declares what a comparison of audits finds: its rows and its pages."""

from __future__ import annotations

from dataclasses import dataclass

from holistic.results.columns import Estimate, col, estimate, key
from holistic.results.schema import Schema

__all__ = [
    "ANSWERS", "DRIFT", "KINDS", "MATCHING", "QUESTION", "SIMILARITY", "STATEMENTS", "STATISTICS",
    "UNITS", "VERDICTS", "Answer", "Drift", "KindOfStatement", "Matching", "Similar", "Statement",
    "Statistic", "UnitMatch",
]  # fmt: skip

QUESTION = "Which findings hold in other trainings, too?"
VERDICTS = ("replicates", "not settled", "differs", "holds in none")
_OVER = {
    "lo": "lower end of its 95 % interval, over trainings and examples like these",
    "hi": "upper end of its 95 % interval, over trainings and examples like these",
    "n": "audits that have it",
}
_PAIRED = {
    "lo": "lower end of its 95 % interval, on the same examples",
    "hi": "upper end of its 95 % interval, on the same examples",
    "n": "examples that both audits share",
}
_LEAST = "least that it should be in the next training, 19 times of 20"
_MOST = "most that it should be in the next training, 19 times of 20"
_A, _B = "first audit", "second audit"


@dataclass(frozen=True)
class Statement:
    """Row of `compare.statements`: one statement, asked of every audit."""

    about: str = key("what is stated", words="statement")
    kind: str = col("the same without the class and the layer that it is about")
    finding: str = col("finding that it rests on")
    class_: str = col("class that it is about; empty for none", name="class")
    site: str = col("site that it is about; empty for none")
    verdict: str = col(
        "'replicates': every audit bears it out, and so will 95 of 100 further trainings by "
        "estimate; 'not settled': every audit does, but they are too few, or it holds too "
        "narrowly; 'differs': only some do, or their answers differ; 'holds in none'"
    )
    answer: str = col("the commonest answer, where there is a choice; empty for yes and no")
    answers: str = col("every answer with its number of audits, where there is a choice")
    audits: int = col("audits that bear it out, or give the commonest answer", unit="audits")
    asked: int = col("audits that could tell", unit="audits")
    chance: float = col(
        "estimated probability that the next training bears it out, or gives this answer",
        unit="share", words="chance in the next training", role="value",
    )  # fmt: skip
    number: Estimate = estimate(
        "number behind it, mean over the audits",
        prefix="",
        parts="lo hi n",
        meanings=_OVER,
    )
    number_unit: str = col("unit of the number", of="number")
    next_lo: float = col(
        "least that it should be in the next training, 19 times of 20", of="number"
    )
    next_hi: float = col("most that it should be in the next training, 19 times of 20", of="number")


@dataclass(frozen=True)
class Answer:
    """Row of `compare.answers`: what one audit says to one statement."""

    about: str = key("what is stated", words="statement")
    audit: str = key("audit that was asked")
    outcome: float = col(
        "1 where the audit bears the statement out, or gives the commonest answer; 0 where not; "
        "missing where it couldn't tell",
        role="value", words="borne out",
    )  # fmt: skip
    answer: str = col("its answer, where there is a choice")
    number: Estimate = estimate(
        "number behind it in this audit",
        prefix="",
        parts="lo hi",
        meanings={
            "lo": "lower end of its 95 % interval, over examples",
            "hi": "upper end of its 95 % interval, over examples",
        },
    )


@dataclass(frozen=True)
class KindOfStatement:
    """Row of `compare.kinds`: what one audit says to the statements of one kind."""

    kind: str = key("what is stated, of any class and layer", words="kind of statement")
    audit: str = key("audit that was asked")
    share: float | None = col(
        "share of these statements that the audit bears out, or gives the commonest answer to",
        unit="share", words="borne out", role="value",
    )  # fmt: skip
    statements: int = col("statements of this kind that it could tell", of="share", role="n")


@dataclass(frozen=True)
class Statistic:
    """Row of `compare.statistics`: one number of a finding, over the audits."""

    finding: str = key("finding that the number is of")
    column: str = key("its column")
    row: str = key("its row, by what names it")
    class_: str = col("class that it is about; empty for none", name="class")
    site: str = col("site that it is about; empty for none")
    mean: Estimate = estimate(
        "mean over the audits", prefix="", parts="lo hi n", meanings=_OVER, words="mean"
    )
    next_lo: float = col(_LEAST, of="mean")
    next_hi: float = col(_MOST, of="mean")
    spread: float = col("standard deviation between the trainings", of="mean")
    sampling: float = col("standard error from the examples of one audit", of="mean")
    significant: int | None = col(
        "audits in which it is significant (q < 0.05) on its commoner side", unit="audits"
    )
    tested: int | None = col("audits in which it was tested", unit="audits")


@dataclass(frozen=True)
class Matching:
    """Row of `compare.matching`: the units of one site in two audits, matched one to one."""

    audit_a: str = key(_A, words="audit")
    audit_b: str = key(_B, words="other audit")
    site: str = key("site of the first audit")
    other_site: str = col("site of the second audit that it is compared with")
    matched: Estimate = estimate(
        "share of units whose partner varies with them within classes, beyond chance (q < 0.05), "
        "on examples that didn't choose it",
        unit="share",
        words="units with a partner",
        parts="lo hi n control",
        meanings={
            "lo": "lower end of its 95 % interval (Wilson, over units)",
            "hi": "upper end of its 95 % interval (Wilson, over units)",
            "n": "units that vary in both",
            "control": "the same share with the second audit's examples shuffled within classes",
        },
    )
    correlation: float = col("median correlation of partners within classes", role="value")
    effects: Estimate = estimate(
        "rank correlation of what removing partners does to each class",
        words="agreement of effects",
        parts="lo hi control_lo control_hi p",
        meanings={
            "lo": "lower end of its 95 % interval, over units",
            "hi": "upper end of its 95 % interval, over units",
            "control_lo": "2.5 % quantile when units get partners at random",
            "control_hi": "97.5 % quantile when units get partners at random",
            "p": "p of it among those of random partners, one-sided",
        },
    )
    top: Estimate = estimate(
        "share of a class's ten most needed units whose partner is among the ten, mean of classes",
        unit="share",
        words="top ten shared",
        parts="control control_lo control_hi p",
        meanings={
            "control": "the same with random partners, mean",
            "control_lo": "2.5 % quantile of it with random partners",
            "control_hi": "97.5 % quantile of it with random partners",
            "p": "p of it among those of random partners, one-sided",
        },
    )
    verdicts: Estimate = estimate(
        "share of partners that have the same verdict",
        unit="share",
        words="verdicts shared",
        parts="lo hi control",
        meanings={
            "lo": "lower end of its 95 % interval (Wilson, over units)",
            "hi": "upper end of its 95 % interval (Wilson, over units)",
            "control": "the same with random partners, mean",
        },
    )


@dataclass(frozen=True)
class UnitMatch:
    """Row of `compare.units`: one unit and its partner in another audit."""

    audit_a: str = key(_A, words="audit")
    audit_b: str = key(_B, words="other audit")
    site: str = key("site of the first audit")
    unit: int = key("unit of the first audit")
    other_site: str = col("site of the second audit")
    other_unit: int | None = col("its partner there")
    r: Estimate = estimate(
        "correlation of both within classes, on examples that didn't choose the partner",
        prefix="",
        parts="lo hi n p q",
        meanings={
            "lo": "lower end of its 95 % interval (Fisher)",
            "hi": "upper end of its 95 % interval (Fisher)",
            "n": "examples",
            "p": "p of a correlation above 0 within classes",
            "q": "Benjamini-Hochberg q of p over the site's units",
        },
    )
    effect: float = col("mean effect of removing the unit, of all classes", unit="score")
    other_effect: float = col("the same of its partner", unit="score")
    verdict: str = col("verdict of the unit")
    other_verdict: str = col("verdict of its partner")
    changed: bool | None = col("whether the partners, matched beyond chance, have other verdicts")


@dataclass(frozen=True)
class Similar:
    """Row of `compare.similarity`: how alike two sites of two audits lay out the same examples."""

    audit_a: str = key(_A, words="audit")
    audit_b: str = key(_B, words="other audit")
    site_a: str = key("site of the first audit", words="site")
    site_b: str = key("site of the second audit", words="other site")
    cka: Estimate = estimate(
        "linear centred kernel alignment without bias: 1 = alike but for rotation and scale, "
        "0 = unrelated",
        words="similarity (CKA)",
        parts="lo hi n control",
        meanings={
            "lo": "lower end of its 95 % interval, over examples (jackknife)",
            "hi": "upper end of its 95 % interval, over examples (jackknife)",
            "n": "examples",
            "control": "the same with the second audit's examples shuffled",
        },
    )


@dataclass(frozen=True)
class Drift:
    """Row of `compare.drift`: how two models differ on the same examples."""

    audit_a: str = key(_A, words="audit")
    audit_b: str = key(_B, words="other audit")
    class_: str = key("class of the examples; 'all' for all", name="class")
    accuracy: float = col("accuracy of the first model", unit="share", role="")
    other_accuracy: float = col("accuracy of the second model", unit="share", role="")
    change: Estimate = estimate(
        "accuracy of the second model minus that of the first",
        unit="share",
        words="change of accuracy",
        signed=True,
        worse=-1,
        parts="lo hi n p q",
        meanings=_PAIRED
        | {"p": "exact p of McNemar, two-sided", "q": "Benjamini-Hochberg q over all rows"},
    )
    margin_change: Estimate = estimate(
        "change of the margin: logit of the class less the largest other one",
        unit="logits",
        words="change of the margin",
        signed=True,
        worse=-1,
        parts="lo hi p q",
        meanings=_PAIRED
        | {"p": "p of a mean of 0, two-sided", "q": "Benjamini-Hochberg q over all rows"},
    )
    loss: Estimate = estimate(
        "points that the class loses without the units it needs most, second model minus first",
        unit="share",
        words="change of the loss without its units",
        signed=True,
        worse=1,
        parts="lo hi p q",
        meanings={
            "lo": "lower end of its 95 % interval, as if the examples were others",
            "hi": "upper end of its 95 % interval, as if the examples were others",
            "p": "p of no change, two-sided, as if the examples were others",
            "q": "Benjamini-Hochberg q over all rows",
        },
    )


STATEMENTS = Schema(
    "compare.statements",
    "What replicates",
    Statement,
    lead="Which statements does every training bear out, and which will the next one?",
    answers=True,
    view="dots",
)
ANSWERS = Schema(
    "compare.answers",
    "What each audit says",
    Answer,
    lead="Which audit bears out which statement?",
    view="heat",
    across="audit about",
    size="outcome",
)
KINDS = Schema(
    "compare.kinds",
    "What each audit says, by kinds of statements",
    KindOfStatement,
    lead="Which kinds of statements does every training bear out?",
    view="heat",
    across="audit kind",
)
STATISTICS = Schema(
    "compare.statistics",
    "Numbers over the trainings",
    Statistic,
    lead="How far does each number move from training to training?",
    cells=60_000,
)
MATCHING = Schema(
    "compare.matching",
    "Units that have a partner",
    Matching,
    lead="Do units of one training come again in another, and do the same?",
)
UNITS = Schema(
    "compare.units",
    "Partners, unit by unit",
    UnitMatch,
    lead="Which unit of one training is which of another?",
    cells=60_000,
)
SIMILARITY = Schema(
    "compare.similarity",
    "How alike layers are",
    Similar,
    lead="Do the same layers lay out the same examples alike?",
    view="heat",
    across="site_a site_b",
)
DRIFT = Schema(
    "compare.drift",
    "Accuracy on the same examples",
    Drift,
    lead="Which classes does one model get right more often than another?",
    across="class audit_b",
)
