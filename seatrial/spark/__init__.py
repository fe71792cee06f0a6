"""What the Spark jobs share and carry with them: session, files, contracts as columns, publishing of partitions.

Runs on Spark 3.5 and 4.0 under Python 3.9 or newer, with nothing but pyspark; Iceberg needs pyiceberg besides.
"""
