"""What a network costs, under the name by which other compositions know it."""

from resbench.costs import count as count
