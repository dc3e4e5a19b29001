"""Model cards: rendered from records and claims, read back, and checked."""
