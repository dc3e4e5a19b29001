"""A plan of many measurements, and what runs them: on this machine, or on a cluster."""
