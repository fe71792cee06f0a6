"""Shapes that several parts agree on: events, environment names, S3 layouts, file formats (stdlib only)."""
