"""Distances between column summaries and between counts, beyond those that the monitor itself needs."""
