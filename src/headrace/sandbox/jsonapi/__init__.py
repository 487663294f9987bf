"""JSON:API as a server speaks it: documents, validation, lists, rendering. Knows no provider, only `Kind` tables."""
