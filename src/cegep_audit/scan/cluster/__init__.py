"""A scan spread over the workers of a Dask cluster."""
