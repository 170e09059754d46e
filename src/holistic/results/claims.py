"""A claim: one statement that an audit bears out or not, and that others are asked for, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from holistic.results.columns import Estimate

__all__ = ["Claim"]


@dataclass(frozen=True)
class Claim:
    """One statement, put so that it can be asked of any training of the same model.

    Attributes
    ----------
    about
        The statement, without anything that is this training's alone: no unit, and no number that
        was measured. It is what claims of several audits are matched by.
    finding
        The finding that it rests on.
    holds
        Whether this audit bears it out; None where it couldn't tell.
    answer
        What this audit says where the statement leaves a choice, such as how many groups there
        are; empty where it is a matter of yes or no.
    value
        The number behind it, with its interval, n, control and q where there are any.
    unit
        Unit of that number.
    margin
        How far it is from being decided otherwise, in standard errors or in decades of q: above 0
        where it holds; None where there is no such scale.
    where
        What the rows of the finding's table have that it rests on.
    class_, site, of_unit
        What it is about, if it is one class, one site or one unit of that site. A unit is this
        training's alone, so that such statements are matched with none of another's.
    against
        The claim that contradicts it, where it says that two findings don't agree.
    """

    about: str
    finding: str
    holds: bool | None
    answer: str = ""
    value: Estimate = field(default=Estimate(None))
    unit: str = ""
    margin: float | None = None
    where: Mapping[str, Any] = field(default_factory=dict[str, Any])
    class_: str = ""
    site: str = ""
    of_unit: int | None = None
    against: Claim | None = None

    @property
    def lens(self) -> str:
        """The lens that makes it."""
        return self.finding.split(".")[0]

    @property
    def record(self) -> dict[str, Any]:
        """What JSON holds of it: the sentence, its numbers, the rows it rests on, and the link."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "against"}
        value = {k: v for k, v in asdict(self.value).items() if v is not None and v == v}
        more = {"against": self.against.record} if self.against else {}
        own |= {"value": value, "where": dict(self.where), "lens": self.lens, "link": self.link}
        return {name.rstrip("_"): v for name, v in own.items()} | more

    @property
    def link(self) -> str:
        """Where a report tells more of it."""
        return f"#{self.finding}"
