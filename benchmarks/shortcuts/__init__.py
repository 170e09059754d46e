"""Plants shortcuts in training data and asks whether they are found, named and removed."""
