"""Drift and quality statistics without input or output: this folder is stdlib only, the folders below use numpy."""
