"""The live web: connections to checked addresses, one request at a time, bounded answers."""
