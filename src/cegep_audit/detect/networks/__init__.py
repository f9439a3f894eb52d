"""What a URL is on its network: the tables of networks and the grammar that reads them."""
