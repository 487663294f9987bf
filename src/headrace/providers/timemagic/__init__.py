"""Time Magic: the provider table of its API."""
