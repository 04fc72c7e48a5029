"""The nightly e-mail lists: who is written to, and what each person is shown.

No torch and no Spark here: scores and embeddings arrive as published tables.
"""
