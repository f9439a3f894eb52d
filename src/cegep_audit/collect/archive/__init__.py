"""Web archives: their addresses, how fast they may be asked, and their captures as pages."""
