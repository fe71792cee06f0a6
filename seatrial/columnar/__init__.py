"""Brings Arrow and Parquet columns to the summaries of seatrial.statistics, a piece at a time (pyarrow, numpy)."""
