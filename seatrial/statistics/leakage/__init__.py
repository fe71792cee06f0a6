"""Signs that a model was shown what it could not know."""
