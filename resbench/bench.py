"""Where the rooms meet: each function here composes finding, building, counting, timing, evaluating into a record."""
