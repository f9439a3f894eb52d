"""One institution: its rank among its peers, advice, and faulty links."""
