"""The warehouse: dbt builds it layer by layer in a private file, then it is published.

The SQL is in `dbt_project/`; here is what calls dbt, publishes its file, draws its documentation
and queries the result.
"""
