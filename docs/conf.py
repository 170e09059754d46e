"""Settings of the documentation site; `make docs` builds it."""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))
# what the notebooks import: this checkout, and the network next to them
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(HERE / "tutorials")])
os.environ["OMP_NUM_THREADS"] = "1"

from docs._make import borrowed, figures, pages

import holistic

pages.make(HERE / "generated")
sources = sorted([*ROOT.glob("src/**/*.py"), *HERE.glob("tutorials/*.py")])
code = sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]

project = "Holistic Interpretability"
author = "The maintainers of Holistic Interpretability"
copyright = f"2026, {author}"
release = version = holistic.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build", "_make", "plan.md", "generated/frames", "**/*.py"]
nitpicky = False

# Pages and notebooks
myst_enable_extensions = ["colon_fence", "deflist", "substitution"]
myst_heading_anchors = 3
myst_substitutions = figures.substitutions()
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build/notebooks" / code)  # run again once code has changed
nb_execution_in_temp = True
nb_output_stderr = "remove"
nb_execution_timeout = 240
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True

# Public names
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
default_role = "literal"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False

# The theme; nothing is fetched from elsewhere, so that the folder can be read offline
html_theme = "pydata_sphinx_theme"
html_title = "Holistic Interpretability"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {page: [] for page in ("index", "start", "generated/gallery")}
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "navigation_with_keys": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "header_links_before_dropdown": 7,
}


def setup(app: object) -> None:
    """Point links that leave this folder to the pages that stand in for their files."""
    app.connect("source-read", borrowed.redirect)  # pyright: ignore[reportAttributeAccessIssue]
