"""The nightly e-mail lists: who is written to, and what each person is shown.

`inputs` reads what was known as of an instant; `composition` decides who is written to (`audience`)
and what each person is shown (`slates`); `handover` keeps that for the gate and hands it over, as
files and as letters (`mail`). `judging` and `report` tell afterwards what the letters did. Every
table between them is Arrow, every rule is a function from tables to tables.

No torch and no Spark here: scores and embeddings arrive as published tables.
"""
