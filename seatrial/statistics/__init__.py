"""Drift and quality statistics: mergeable summaries, distances, sequential tests; no input or output (stdlib only)."""
