"""How Sphinx builds this manual: ``make docs``, in which every warning is an error."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import flowrepro

project = "flowrepro"
version = release = flowrepro.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc", "declared"]
exclude_patterns = ["_static"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
default_role = "py:obj"
smartquotes = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
python_use_unqualified_type_names = True
pygments_style, pygments_dark_style = "friendly", "monokai"

html_theme = "furo"
html_title = f"flowrepro {release}"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_copy_source = False
html_show_copyright = html_show_sphinx = False
