"""Two models on the same rows: tests of their difference."""
