"""What is studied: a model, its data, its splits, and the score that effects are measured in."""
