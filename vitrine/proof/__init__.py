"""The proof that features are exact in time: a slow, obvious reference from the lake's rows.

`history` reads what was landed of what the shop delivered (what landing did is taken as given, and
called raw here: nothing was added up yet), `references` computes features from it row by row,
`questions` draws what to ask, `comparison` asks the published tables the same, and `plants` puts
faults into a private copy to show that they would be seen. Nothing here is used to make a feature.
"""
