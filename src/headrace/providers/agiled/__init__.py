"""Agiled: the provider table of its public API v1."""
