"""Where the other packages meet: each module combines finding, building, counting, timing and evaluating networks."""
