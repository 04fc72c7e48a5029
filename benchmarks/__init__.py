"""Speed and memory side by side with peers; never part of the tests, which hold the answers equal.

What belongs to the pipeline does not belong here: nothing imports this package but its tests.
"""
