"""Writes every page that follows from declarations, from the command line's app and from files."""

from __future__ import annotations

from pathlib import Path

from docs._make import borrowed, commands, frames, gallery, schemas

__all__ = ["make"]


def make(folder: Path) -> None:
    """Write all generated pages into a folder; a file that wouldn't change isn't touched."""
    texts = {
        **borrowed.pages(),
        **commands.pages(),
        **schemas.pages(),
        **gallery.pages(),
        **frames.pages(),
    }
    for name, text in texts.items():
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, encoding="utf-8")
    wanted = {folder / f"{name}.md" for name in texts}
    for path in set(folder.rglob("*.md")) - wanted:
        path.unlink()
