"""One institution: its place among its peers, advice, and links that serve their reader badly."""
