"""Simulated shops with known tastes: the embedded default input and the tests' ground truth."""
