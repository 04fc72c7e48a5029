"""The nightly e-mail lists: who is written to, and what each person is shown. No torch, no Spark."""
