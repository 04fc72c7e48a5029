"""A flash-sale shop with known tastes: the embedded default input and the tests' ground truth."""
