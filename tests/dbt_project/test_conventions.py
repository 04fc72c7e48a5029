"""Every model is described, keyed and typed as said; and the unit tests in the YAML pass."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

from vitrine import contracts, feature_catalogue
from vitrine.transform import dbt
from vitrine.warehouse import DATABASES

MODELS = sorted((dbt.PROJECT / "models").rglob("*.sql"))
FUNCTIONS = [model for model in MODELS if "query_table(spine)" in model.read_text()]
KEPT = ("materialized='table'", "materialized='incremental'")
TABLES = [
    model
    for model in MODELS
    if any(kind in model.read_text() for kind in KEPT)
    # Of the facts only the increment's rows are read, and nothing is kept.
    or ("materialized=" not in model.read_text() and model.parent.name != "staging")
]
TABLES = [model for model in TABLES if model not in FUNCTIONS]


def description(model: Path) -> dict:
    (described,) = yaml.safe_load(model.with_suffix(".yml").read_text())["models"]
    return described


def test_models_were_found_in_every_layer():
    layers = {model.parent.relative_to(dbt.PROJECT / "models") for model in MODELS}
    assert layers == {Path(database) / layer for database in DATABASES for layer in dbt.LAYERS}


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_a_model_is_described_beside_its_sql_grain_first(model):
    described = description(model)
    assert described["name"] == model.stem
    assert described["description"].startswith(("One row per ", "One row: "))
    for column in described["columns"]:
        assert column["description"].endswith("."), column["name"]


@pytest.mark.parametrize("model", TABLES, ids=lambda path: path.stem)
def test_a_tables_key_is_tested(model):
    tests = description(model)["data_tests"]
    assert any("unique_key" in test for test in tests)


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_a_model_imports_first_and_ends_with_its_final_select(model):
    text = model.read_text().strip()
    assert text.endswith("select * from final")


def test_two_features_never_share_a_name():
    names = [f.name for m in feature_catalogue.feature_models() for f in m.features]
    assert len(names) == len(set(names)) > 80


def test_every_block_of_the_design_has_features():
    features = [f for m in feature_catalogue.feature_models() for f in m.features]
    assert {f.block for f in features} == set(feature_catalogue.BLOCKS)
    assert {f.kind for f in features} == set(feature_catalogue.KINDS)
    assert {f.freshness for f in features} == set(feature_catalogue.FRESHNESS)
    types = {"numeric": (int, float), "boolean": (bool,), "categorical": (str,)}
    for feature in features:
        assert type(feature.fill) in types[feature.kind], feature
        assert (feature.unit is not None) == (feature.kind == "numeric"), feature
        assert feature.needs, feature
        tables = {table for need in feature.needs for table in need.split(" or ")}
        assert tables <= set(contracts.TABLES), feature


@pytest.mark.parametrize("model", feature_catalogue.feature_models(), ids=lambda m: m.name)
def test_a_functions_columns_are_those_of_its_description(warehouse, model):
    path = dbt.PROJECT / "models" / model.database / "features" / f"{model.name}.sql"
    keys = ", ".join(
        f"null::{'timestamptz' if key == 'as_of' else 'varchar'} as {key}" for key in model.spine
    )
    warehouse.execute(f"create temp table asked as select {keys} limit 0")
    found = warehouse.execute(f"describe select * from {model.function}('asked')").fetchall()
    types = {"TIMESTAMP WITH TIME ZONE": "timestamptz"}
    assert [(name, types.get(kind, kind.lower())) for name, kind, *_ in found] == [
        (column["name"], column["data_type"]) for column in description(path)["columns"]
    ]


def test_descriptions_are_visible_in_duckdb(warehouse):
    ((silent,),) = warehouse.execute(
        "select count(*) from duckdb_columns() where not internal and comment is null"
        " and database_name in ('daily', 'intraday')"
    ).fetchall()
    assert silent == 0
    functions = warehouse.execute(
        "select function_name, comment from duckdb_functions()"
        " where database_name in ('daily', 'intraday') and schema_name = 'features'"
    ).fetchall()
    assert len(functions) == len(FUNCTIONS) >= 8
    assert all(comment.startswith("One row per ") for _, comment in functions)


def test_older_clients_can_open_the_files(warehouse):
    tags = warehouse.execute(
        "select tags['storage_version'] from duckdb_databases()"
        " where database_name in ('daily', 'intraday')"
    ).fetchall()
    assert tags == [("v1.4.0+",), ("v1.4.0+",)]


@pytest.mark.parametrize("database", DATABASES)
def test_the_unit_tests_of_the_window_arithmetic_pass(built, tmp_path, database):
    file = tmp_path / f"{database}.duckdb"
    shutil.copy(built[database], file)
    selection = f"path:models/{database},test_type:unit"
    outcome = dbt.run(["test", "--select", selection], database, tmp_path, {"WAREHOUSE_FILE": file})
    assert outcome.test_count >= 2
    assert "WAREHOUSE_FILE" not in os.environ
