"""The monitor of large windows and of tables: the same summaries from a processing job and from Spark."""
