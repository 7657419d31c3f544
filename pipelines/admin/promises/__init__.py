"""`bcf audit promises`: check whether a workspace keeps its promises, on its own files or in a test apart from them."""
