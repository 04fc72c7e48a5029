"""Data checks: Great Expectations suites and the gate that stops a run before it publishes."""
