"""How Sphinx builds the site. It opens from a folder without a network: fonts are the system's, and every script lies beside the pages."""

project = "bcf-linkage"
author = "bcf-linkage contributors"
copyright = "2026, bcf-linkage contributors"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["adr/template.md", "**/json/**"]

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
# Links are checked by the tests as well; here a broken one ends the build.
nitpicky = True
suppress_warnings = ["myst.header"]

html_theme = "furo"
html_title = "bcf-linkage"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_search_summary = False  # a page that is opened from a folder may not read another
html_show_sourcelink = False
pygments_style = "friendly"
