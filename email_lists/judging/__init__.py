"""Whether the lists do any good: uplift of arms, and the value of policies that were never run.

`uplift` compares customers in different arms, `off_policy` judges another policy by the letters
that went out, `outcomes` finds what became of customers and letters. Nothing here makes a list.
"""
