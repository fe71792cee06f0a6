"""Drift that no single column shows, and of texts and images by their tokens and embeddings."""
