"""Generation of an operator's raw data, for terabytes."""
