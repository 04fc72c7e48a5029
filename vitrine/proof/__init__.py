"""The proof that features are exact in time: a slow, obvious reference from the raw rows.

`history` reads what the shop delivered, `references` computes features from it row by row,
`questions` draws what to ask, `comparison` asks the published tables the same, and `plants` puts
faults into a private copy to show that they would be seen. Nothing here is used to make a feature.
"""
