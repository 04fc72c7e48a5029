"""What the YAML says of a table, a function or a column, DuckDB tells the analyst who asks it."""

import re

import pytest
import yaml

from vitrine.transform import console, dbt, documentation
from vitrine.warehouse import DATABASES

DESCRIBED = {
    (file.parent.parent.name, model.get("config", {}).get("alias", model["name"])): model
    for file in sorted((dbt.PROJECT / "models").rglob("*.yml"))
    for model in yaml.safe_load(file.read_text()).get("models", [])
}
FUNCTIONS = {
    name: model
    for (_, name), model in DESCRIBED.items()
    if "spine" in model.get("config", {}).get("meta", {})
}


def told(text: str) -> str:
    return " ".join(text.split())


def test_tables_and_their_columns_are_commented_as_described(warehouse):
    rows = warehouse.execute(
        "with relations as ("
        " select database_name, table_oid, comment from duckdb_tables() union all"
        " select database_name, view_oid, comment from duckdb_views())"
        " select c.database_name, c.table_name, relations.comment, c.column_name, c.comment"
        " from duckdb_columns() as c left join relations using (database_name, table_oid)"
        " where c.database_name in ('daily', 'intraday') and not c.internal"
    ).fetchall()
    assert {table for _, table, *_ in rows} > {
        "dim_customers",
        "campaign_performance",
        "fct_orders",
    }
    for database, table, comment, column, column_comment in rows:
        model = DESCRIBED[database, table]
        (described,) = [c for c in model["columns"] if c["name"] == column]
        assert told(comment or "") == told(model["description"]), table
        assert told(column_comment or "") == told(described["description"]), (table, column)


def test_the_data_dictionary_has_what_is_published_and_nothing_else(warehouse):
    rows = warehouse.execute(
        "select database_name, schema_name, table_name from duckdb_tables() union all"
        " select database_name, schema_name, view_name from duckdb_views() union all"
        " select distinct database_name, schema_name, function_name from duckdb_functions()"
    ).fetchall()
    published = {row for row in rows if row[0] in DATABASES and row[1] in dbt.LAYERS}
    text = documentation.data_dictionary()
    assert published == {
        (database, layer, name)
        for database, layer, section in re.findall(r"## (\w+)\.(\w+): (.*?)(?=\n## |$)", text, re.S)
        if database in DATABASES
        for name in re.findall(r"^### (\w+)", section, re.M)
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_tells_its_columns(warehouse, capsys, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "1000")
    console.show(warehouse, f"\\d {name}")
    head, *lines = capsys.readouterr().out.splitlines()
    model = FUNCTIONS[name]
    assert head.split()[:2] == [f"{name}('spine')", "function"]
    assert head.endswith(told(model["description"]))
    assert [line.split()[0] for line in lines] == [c["name"] for c in model["columns"]]
    for line, column in zip(lines, model["columns"], strict=True):
        assert line.split()[1] == column["data_type"]
        assert line.endswith(told(column["description"]))
