"""Validation on image folders: what lies there, the pixels a checkpoint wants, and integer counts of right answers."""
