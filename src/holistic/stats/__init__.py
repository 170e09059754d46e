"""How sure are the numbers: streaming sums, intervals, tests, agreement, clusters."""
