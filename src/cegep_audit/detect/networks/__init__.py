"""What a URL is on its network: the tables of networks and the code that reads them."""
