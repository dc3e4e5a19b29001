"""What was observed: the records, how they are written and read, and where they lie."""
