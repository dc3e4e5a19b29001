"""What the observations mean: intervals, comparisons, verdicts."""
