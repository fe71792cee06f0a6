"""Model quality with intervals: from labels, and estimated without them."""
