"""The files of a scan: CSV, XLSX, Parquet, JSON, coding sheets, the replication package."""
