"""Web archives: their addresses, the pace of requests to them, and their captures as pages."""
