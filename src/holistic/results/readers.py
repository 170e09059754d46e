"""What readers see of a finding: names of sites, and words for what the inputs are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from holistic.results.findings import Finding
from holistic.results.input_kinds import KINDS, InputKind
from holistic.results.schema import Schema
from holistic.results.site_names import SiteNames
from holistic.results.tables import Table

__all__ = ["Readers"]


@dataclass(frozen=True)
class Readers:
    """The names of an audit's sites, and the kind of its inputs."""

    sites: SiteNames = field(default_factory=SiteNames)
    inputs: InputKind = KINDS["image"]

    def in_text(self, text: str) -> str:
        """Put both into a sentence."""
        return self.inputs.in_text(self.sites.in_text(text))

    def in_finding(self, finding: Finding) -> Finding:
        """Put both into what a finding says."""
        statements, caveats = (
            tuple(map(self.in_text, texts)) for texts in (finding.statements, finding.caveats)
        )
        return replace(finding, statements=statements, caveats=caveats)

    def in_schema(self, schema: Schema) -> Schema:
        """Put the kind of the inputs into a finding's title and lead sentence."""
        if self.inputs.pictures:
            return schema
        texts = {part: self.inputs.in_text(getattr(schema, part)) for part in ("title", "lead")}
        return replace(schema, **texts)

    def in_table(self, table: Table) -> Table:
        """Put both into a table: names into its cells, words into what its columns say."""
        found = self.sites.in_table(table)
        return replace(found, columns=tuple(map(self.inputs.in_column, found.columns)))
