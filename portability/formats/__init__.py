"""The files of an archive, one module a format: Parquet, BagIt, Data Package, SQL scripts, the page for people."""
