"""Parameters and operations: one tally of integer terms, and every convention over it."""
