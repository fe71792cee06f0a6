"""Tables of the Glue catalog over files in the cloud's S3, as DuckDB reads them: for Spectrum and for Athena."""
