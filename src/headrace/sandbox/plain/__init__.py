"""Plain JSON as a server speaks it: bodies, validation, lists. Knows no provider, only `Kind` tables and `Manners`."""
