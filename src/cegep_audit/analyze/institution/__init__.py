"""One institution: its rank among its peers, advice, and links that serve their reader badly."""
