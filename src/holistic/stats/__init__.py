"""How sure are the numbers: streaming sums, sketches, intervals, tests, agreement, clusters."""
