"""Count the social media accounts that institutions show on their web sites, with a proof of every figure."""

__version__ = "0.1.0"
