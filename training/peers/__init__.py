"""Models that the ranker is compared with: each learns from purchases alone, in a few lines."""
