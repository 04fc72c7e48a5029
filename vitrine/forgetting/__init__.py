"""Erasing one person from everything that Vitrine holds, and keeping that person out from then on.

What a file format needs for that is in a module of its own; `erasure` goes through all places.
"""
