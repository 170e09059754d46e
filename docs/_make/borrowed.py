"""Brings files from outside of the site's folder into it: contributing, security, examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

__all__ = ["pages", "redirect"]

ROOT = Path(__file__).parents[2]
_STANDS_IN = {
    "../CONTRIBUTING.md": "generated/contributing.md",
    "../CHANGELOG.md": "generated/changelog.md",
    "../SECURITY.md": "generated/security.md",
    "../README.md": "index.md",
    "../examples/README.md": "generated/examples.md",
    "../examples/cluster": "generated/examples.md",
}
"""By how pages in `docs/` link a file, the page that stands in for it."""


def redirect(_app: Any, docname: str, source: list[str]) -> None:
    """Point a page's links to files outside of the site to the pages that stand in for them."""
    depth = "../" * docname.count("/")
    for outside, page in _STANDS_IN.items():
        source[0] = source[0].replace(f"]({depth}{outside}", f"]({depth}{page}")


def pages() -> dict[str, str]:
    """By name, the pages that stand in for files at the root."""
    own = {
        "contributing": "CONTRIBUTING.md",
        "changelog": "CHANGELOG.md",
        "security": "SECURITY.md",
    }
    found = {name: _moved((ROOT / file).read_text("utf-8")) for name, file in own.items()}
    return found | {"examples": _examples()}


def _moved(text: str) -> str:
    """Links as they are seen from `docs/generated/`."""
    text = re.sub(r"\]\(docs/", "](../", text)
    return re.sub(r"\]\(examples/README\.md", "](examples.md", text)


def _examples() -> str:
    """The list of examples, each line leading to its script, which follows."""
    text = (ROOT / "examples/README.md").read_text("utf-8")
    listed = re.sub(r"\[(\w+)\.py\]\(\w+\.py\)", r"[\1.py](#\1py)", text)
    listed = re.sub(r"\[(\w+)\]\(\1/?\)", r"`examples/\1`", listed)  # a folder has no page
    scripts = [
        f"## {path.name}\n\n```{{literalinclude}} ../../examples/{path.name}\n"
        ":language: python\n```\n"
        for path in sorted((ROOT / "examples").glob("*.py"))
    ]
    return "\n".join([listed, *scripts])
