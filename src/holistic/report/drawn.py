"""A finding's figures, to look at and to save as PNG, SVG or PDF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holistic.errors import AuditError, SettingError, listed, nearest
from holistic.report.damage import showing
from holistic.report.places import brought
from holistic.results.at_site import at_site
from holistic.results.files import write_whole
from holistic.results.findings import Finding
from holistic.results.folder import Folder
from holistic.results.plotting import drawable, figure_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Drawn", "drawn", "drawn_names"]

_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
"""By kind of file, what is left out so that the same figure gives the same bytes."""


@dataclass(frozen=True, repr=False)
class Drawn:
    """Figures of one finding.

    Attributes
    ----------
    name
        Of the finding.
    figures
        As matplotlib made them.
    captions
        What each shows, in words.
    """

    name: str
    figures: tuple[Figure, ...]
    captions: tuple[str, ...]

    def save(self, path: str | Path) -> tuple[Path, ...]:
        """Write the figures as `.png`, `.svg` or `.pdf`, and return the files.

        A PDF has a page for each; of other kinds there are several files, `name-1.png` and so on,
        where there are several figures.

        Raises
        ------
        SettingError
            If the name ends otherwise.
        """
        path = Path(path)
        kind = path.suffix.lower().removeprefix(".")
        if kind not in _METADATA:
            raise SettingError(
                f"a figure is saved as {listed('.' + k for k in _METADATA)}, got '{path.name}'; "
                "change the ending"
            )
        if kind == "pdf" or len(self.figures) == 1:
            write_whole(path, lambda place: _write(place, kind, self.figures))
            return (path,)
        written = list[Path]()
        for number, figure in enumerate(self.figures, 1):
            written.append(path.with_name(f"{path.stem}-{number}{path.suffix}"))
            write_whole(written[-1], lambda place, own=figure: _write(place, kind, [own]))
        return tuple(written)

    def __repr__(self) -> str:
        return "\n".join([f"Figures of '{self.name}':", *(f"· {c}" for c in self.captions)])

    def _repr_html_(self) -> str:
        from html import escape

        from holistic.results.drawing import data_uri

        return "".join(
            f'<figure><img src="{data_uri(figure)}" alt="{escape(caption)}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
            for figure, caption in zip(self.figures, self.captions, strict=True)
        )


def drawn(audit: Folder, name: str, site: str | None = None) -> Drawn:
    """Draw a finding's figures, of one site where it is named.

    Raises
    ------
    AuditError
        If the audit has no such finding, nothing draws it, or it holds what can't be drawn.
    SettingError
        If the finding tells nothing of the site.
    """
    audit = audit.for_readers()
    finding = audit.finding(name) if site is None else at_site(audit.finding(name), site)
    with showing(audit, name):
        pairs = list(figures(finding, audit))
    if not pairs:
        names = drawn_names(audit)
        raise AuditError(
            f"nothing draws finding '{name}'{nearest(name, names)}; figures are drawn of "
            f"{listed(names, 40) if names else 'none of this audit'}; its numbers: audit['{name}']"
        )
    return Drawn(name, *(tuple(side) for side in zip(*pairs, strict=True)))  # pyright: ignore


def figures(finding: Finding, audit: Folder) -> Iterator[tuple[Figure, str]]:
    """Draw a finding's figures, with a caption each: its lens's own, or one by its columns' roles.

    None where it has no numbers.
    """
    draw = brought(finding.lens, "figures", finding.name.partition(".")[2])
    if draw is not None and len(finding.table):
        yield from draw(finding, audit)
    elif draw is None and drawable(finding.table):
        caption = finding.brief or finding.schema.lead or finding.schema.title
        yield figure_of(finding.schema, finding.table), caption


def drawn_names(audit: Folder) -> tuple[str, ...]:
    """Names of the audit's findings that can be drawn."""
    return tuple(name for name in audit.names if drawable(audit[name]))


def _write(path: Path, kind: str, some: Any) -> None:
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "holistic", "svg.fonttype": "none"}):
        if kind == "pdf":
            from matplotlib.backends.backend_pdf import PdfPages

            with path.open("wb") as file, PdfPages(file, metadata=_METADATA["pdf"]) as pages:
                for figure in some:
                    pages.savefig(figure, facecolor="white")
            return
        some[0].savefig(path, format=kind, facecolor="white", metadata=_METADATA[kind])
