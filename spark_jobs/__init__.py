"""Spark jobs: what is too large for one process. Per-user days, product days, campaign windows."""
