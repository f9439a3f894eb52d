"""A scan spread over a Dask cluster: :mod:`parts` splits it, :mod:`visiting` runs on workers, :mod:`spreading` here."""
