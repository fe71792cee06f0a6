"""Detectors that read errors one by one, as they come; each says of every value whether the mean has changed."""
