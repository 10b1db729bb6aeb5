"""How Sphinx builds the pages: strictly, and without the network."""

from __future__ import annotations

import socket
import zlib
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.domains.python import PyObject

import dockernet
import dockernet.resolver
from dockernet._watching import TellState

HERE = Path(__file__).parent

# It names these and does not import their modules, which not every caller needs.
vars(dockernet.resolver).update(
    socket=socket,
    EndpointChange=dockernet.EndpointChange,
    TellState=TellState,
    Watch=dockernet.Watch,
)


def inventory(listed: Path) -> str:
    """Make an inventory of a list of names, for links into documentation elsewhere.

    Sphinx would fetch the whole one; the few names that these pages need are kept in a
    list that a person can read. The form is that of version 2 inventories: four lines
    of text, then compressed lines of name, role, priority, place and title.
    """
    head, entries = listed.read_text(encoding="utf-8").split("\n\n", 1)
    project, version = head.split("\n")
    title = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: {version}\n"
    lines = "".join(f"{name} {role} 1 {place} -\n" for name, role, place in _words(entries))
    made = HERE / "_build" / f"{listed.stem}.inv"
    made.parent.mkdir(exist_ok=True)
    head = f"{title}# The remainder of this file is compressed using zlib.\n"
    made.write_bytes(head.encode() + zlib.compress(lines.encode()))
    return str(made)


def _words(entries: str) -> list[list[str]]:
    return [line.split() for line in entries.splitlines() if line]


project = "dockernet"
author = "The dockernet authors"
project_copyright = author
version = release = dockernet.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]
nitpicky = True
intersphinx_mapping = {
    "python": ("https://docs.python.org/3", inventory(HERE / "inventories" / "python.txt")),
}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
maximum_signature_line_length = 72
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "dockernet"
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#1b5e7d",
        "color-brand-content": "#1b5e7d",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cc4e4",
        "color-brand-content": "#7cc4e4",
    },
}
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False


def shorten(*event: object) -> tuple[str, str | None] | None:
    """Show a default that a factory makes as an ellipsis; attrs calls it NOTHING."""
    signature, returned = event[-2:]
    if not isinstance(signature, str) or "NOTHING" not in signature:
        return None
    return signature.replace("NOTHING", "..."), returned if isinstance(returned, str) else None


def keep_colons(*event: object) -> None:
    """Stop napoleon from taking the words before a colon for an attribute's type."""
    _, what, *_, lines = event
    if what in {"attribute", "property"} and isinstance(lines, list) and lines:
        lines[0] = f": {lines[0]}"


def setup(app: Sphinx) -> None:
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"
    app.connect("autodoc-process-signature", shorten)
    app.connect("autodoc-process-docstring", keep_colons, priority=400)  # before napoleon
