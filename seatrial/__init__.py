"""Seatrial lands SageMaker MLOps in a customer's account, and rehearses the whole loop offline first."""
