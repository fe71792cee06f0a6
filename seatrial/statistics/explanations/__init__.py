"""Why a model answers as it does: Shapley values of a bounded sample of rows."""
