"""How figures, settings and findings are said: one place for the terminal, cards and CI."""
