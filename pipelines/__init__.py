"""Code that runs in SageMaker and on EMR: one folder a use case."""
