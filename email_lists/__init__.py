"""The nightly e-mail lists: who is written to, and what each person is shown.

`inputs` reads what was known as of an instant; `composition` decides who is written to
(`eligibility`) and what each person is shown (`offers`, `campaigns`, `candidates`, `slate`);
`staged` keeps that for the gate; `publication` hands it over (`delivery`, `export`, `previews`).
Every table between them is Arrow, every rule is a function from tables to tables.

No torch and no Spark here: scores and embeddings arrive as published tables.
"""
