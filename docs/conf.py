"""How Sphinx builds these pages: ``tox -e docs``."""

from importlib.metadata import version as installed_version

project = "swqr"
author = "The swqr developers"
copyright = author
release = version = installed_version("swqr")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinxcontrib.mermaid",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_fence_as_directive = ["mermaid"]  # as a Git forge writes it
myst_heading_anchors = 3
mermaid_version = "11.17.2"  # what the extension takes by itself has known weaknesses

html_theme = "furo"
html_title = f"swqr {release}"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# Building needs no network, so there is no inventory of other projects: their names stay plain.
# Of our own names, only type variables and what is underscored have no page.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!swqr_).*"),
    (r"py:.*", r".*\._.*"),
    (r"py:.*", r".*\.[A-Z]"),
]
