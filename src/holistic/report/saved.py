"""A saved audit: its folder, with the report that it can write and show."""

from __future__ import annotations

import html
from dataclasses import dataclass, field, replace
from pathlib import Path

from holistic.lenses._contract import declared_schema
from holistic.named import named
from holistic.report.asked import Answer, ask, unit_of
from holistic.report.briefs import brief
from holistic.report.claims import statements
from holistic.report.damage import showing
from holistic.report.drawn import Drawn, drawn
from holistic.report.exported import export
from holistic.report.loggers import log
from holistic.report.page import rendered, rendered_opening, write_report
from holistic.report.text import as_text
from holistic.report.verified import Verified, verified
from holistic.results.claims import Claim
from holistic.results.error_rates import rates_of
from holistic.results.files import opened, write_whole
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.schema import Schema

__all__ = ["Audit", "load"]

_SMALL = 620
"""Pixels that the opening takes in a notebook."""


@dataclass(frozen=True, repr=False)
class Audit(Folder):
    """All findings of one run with their provenance: a folder on disk.

    `audit["ablation.units"]` is the table of that finding.
    """

    def declared(self, name: str) -> Schema | None:
        """What this program declares of a finding; None where it doesn't know it."""
        return declared_schema(name)

    def finding(self, name: str) -> Finding:
        """Read one finding from disk; it knows what it says in one short sentence.

        Raises
        ------
        AuditError
            If there is no such finding, or a file of it is missing, was changed, or holds
            something else than this program writes.
        """
        found = super().finding(name)
        rates = [rate for rate in rates_of(self.path) if rate.finding == name]
        tried = (f"In the self-test, {'; '.join(map(str, rates))}.",) if rates else ()
        return replace(found, caveats=(*tried, *found.caveats), say=lambda: brief(found, self))

    @named
    def report(self, path: str | Path | None = None) -> Path:
        """Write the audit as one self-contained HTML file (default: `report.html` inside)."""
        target = self.path / "report.html" if path is None else Path(path)
        write_whole(target, lambda temporary: write_report(self, temporary))
        return target

    def verify(self) -> Verified:
        """Hash every file again and compare with what the run wrote down: true where all agree."""
        return verified(self, lambda: self.reported)

    def summary(self) -> str:
        """Return the audit in a page of plain text, written as Markdown; print it to read it."""
        with showing(self):
            return as_text(self)

    @named
    def ask(self, question: str) -> Answer:
        """Answer a question on one screen, each sentence with its evidence.

        Parameters
        ----------
        question
            `unit L2·57`, `class 7`, `image 123`, `layers`, `prune` or `shortcuts`.

        Raises
        ------
        SettingError
            If there is no such question, unit, class or example.
        """
        return ask(self, question)

    @named
    def findings(
        self, *, lens: str = "", class_: str = "", site: str = "", unit: str | int = ""
    ) -> tuple[Claim, ...]:
        """Return what the audit finds, as objects: what holds, with its numbers and its rows.

        What holds in other trainings, too, `holistic.compare` says of the same statements. Where
        two findings contradict each other, one has the other as `against`. Of single units those
        are told of which something stands out; of a unit that is asked for, all that is known.

        Parameters
        ----------
        lens, class_, site
            Only what is from this lens, or about this class or site, by its key or as readers
            see it (`L2`); everything by default.
        unit
            Only what is about this unit: `L2·57`, or its index where `site` is given.

        Raises
        ------
        SettingError
            If there is no such unit.
        """
        key, place = self.readers.sites.key(site), None
        if unit != "":
            key, place = unit_of(self, f"{site} {unit}".strip())
        wanted = {"lens": lens, "class_": class_, "site": key}
        return tuple(
            claim
            for claim in statements(self, key, place)
            if all(getattr(claim, n) == v for n, v in wanted.items() if v)
        )

    @named
    def figure(self, name: str, *, site: str | None = None) -> Drawn:
        """Draw a finding's figures, to be shown in a notebook or saved.

        Parameters
        ----------
        name
            Name of the finding, such as `mechanism.flow`.
        site
            Draw one site alone, by its key (`relu#2`) or a name that readers see (`L2`).

        Raises
        ------
        AuditError
            If the audit has no such finding, or nothing draws it.
        SettingError
            If the finding tells nothing of this site.
        """
        return drawn(self, name, site)

    @named
    def export(self, path: str | Path, *, to: str = "csv") -> Path:
        """Write all tables and arrays into a new folder, with the columns' units and meanings.

        Parameters
        ----------
        path
            The folder, which must not be there yet.
        to
            `csv` (large arrays as `.npy`), `json` (the same), or `zarr` (opens in xarray).

        Raises
        ------
        SettingError
            If there is no such format, or what writes it isn't installed.
        AuditError
            If something is at the path already.
        """
        return export(self, Path(path), to)

    @named
    def log(self, to: str, where: str | Path = "") -> str:
        """Note summary, headline numbers and figures in a tracker, and return where they lie.

        Parameters
        ----------
        to
            `tensorboard`, `wandb` or `mlflow`.
        where
            TensorBoard's folder (`tensorboard` in the audit by default), the project or the
            experiment (`holistic` by default). An active run is written to and left open.

        Raises
        ------
        SettingError
            If there is no such tracker, or it isn't installed.
        """
        return log(self, to, str(where))

    @named
    def show(self, height: int = 720) -> Frame:
        """Show the report in a notebook: in a frame that can reach neither notebook nor network.

        The page is made anew: what the folder holds may be somebody else's.

        Parameters
        ----------
        height
            Of the frame, in pixels.
        """
        return Frame(rendered(self)[0], int(height))

    def _repr_html_(self) -> str:
        return Frame(rendered_opening(self), _SMALL).still()

    @property
    def reported(self) -> bool:
        """Whether the folder's `report.html` is the report of this audit as it is now."""
        try:
            with opened(self.path / "report.html") as page:
                return page.read() == rendered(self)[0].encode()
        except OSError:
            return False


@dataclass(frozen=True)
class Frame:
    """A page as a notebook shows it: `page` is its HTML, `height` is in pixels."""

    page: str = field(repr=False)
    height: int = 720

    def still(self) -> str:
        """Show the page where no script of it may run."""
        return (
            f'<iframe sandbox="" srcdoc="{html.escape(self.page)}" width="100%" '
            f'height="{self.height}" style="border:0" title="what the audit found"></iframe>'
        )

    def _repr_html_(self) -> str:
        # a sandbox without allow-same-origin: the page's script runs as a stranger
        return (
            '<iframe sandbox="allow-scripts allow-downloads allow-forms" '
            f'srcdoc="{html.escape(self.page)}" width="100%" height="{self.height}" '
            'style="border:0" title="audit report"></iframe>'
        )


@named
def load(path: str | Path) -> Audit:
    """Open a saved audit folder.

    Parameters
    ----------
    path
        The folder, which needn't have been made on this machine.

    Raises
    ------
    AuditError
        If there is no audit in it, or one of another schema version.
    """
    return Audit.load(Path(path))
