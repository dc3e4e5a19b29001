"""Anybody's model cards, read and judged."""
