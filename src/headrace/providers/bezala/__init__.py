"""Bezala: the provider table of its API."""
