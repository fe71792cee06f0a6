"""The churn use case: its pipeline definition and the scripts of its steps."""
