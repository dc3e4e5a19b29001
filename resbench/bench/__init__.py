"""Where the rooms meet: each module composes finding, building, counting, timing, evaluating into a record."""
