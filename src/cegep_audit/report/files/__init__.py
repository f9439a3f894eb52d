"""The files of a scan: CSV, XLSX, Parquet, JSON, and the dictionary of their columns."""
