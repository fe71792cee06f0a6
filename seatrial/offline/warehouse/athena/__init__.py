"""Athena: Trino's SQL over the tables of the Glue catalog, run on DuckDB, with workgroups and their limits."""
