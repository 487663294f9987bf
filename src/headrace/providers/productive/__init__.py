"""Productive.io: the provider table, its vocabulary and its resources."""
