"""Bias of data and models by group, and drift of explanations, as SageMaker Clarify names and writes them."""
