"""The house's rules on who may import whom, held by reading the code."""

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
STAGES = ("spark_jobs", "expectations", "training", "email_lists")
ALLOWED = {
    "vitrine": set(),
    "spark_jobs": {"vitrine"},
    "expectations": {"vitrine"},
    "training": {"vitrine"},
    "email_lists": {"vitrine"},
}
# No command imports these: they are what DAG files are made of.
READ_BY_AIRFLOW_ALONE = {"vitrine/operations/assets.py", "vitrine/operations/tasks.py"}


def modules(package: str) -> list[Path]:
    return sorted((REPOSITORY / package).rglob("*.py"))


def imported(path: Path, top_level_only: bool = False) -> set[str]:
    """Names of the modules that a file imports, anywhere or outside functions."""
    tree = ast.parse(path.read_text())
    nodes: list[ast.AST] = list(tree.body if top_level_only else ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_go_one_way(package):
    ours = {"vitrine", *STAGES, "dags"} - {package}
    files = modules(package)
    assert files, f"no module found in {package}"
    for file in files:
        for name in imported(file):
            top = name.split(".")[0]
            assert top not in ours or top in ALLOWED[package], f"{file} imports {name}"


def test_only_the_registry_imports_mlflow():
    importers = {
        file.relative_to(REPOSITORY).as_posix()
        for package in ("vitrine", *STAGES)
        for file in modules(package)
        if any(name.split(".")[0] == "mlflow" for name in imported(file))
    }
    assert importers == {"training/registry.py"}


def test_lists_know_neither_torch_nor_spark():
    for file in modules("email_lists"):
        assert not {n.split(".")[0] for n in imported(file)} & {"torch", "pyspark", "transformers"}


@pytest.mark.parametrize("package", ["vitrine"])
def test_heavy_libraries_load_inside_the_command_that_needs_them(package):
    heavy = {"torch", "pyspark", "mlflow", "great_expectations", "airflow", "dbt", "transformers"}
    for file in modules(package):
        if file.relative_to(REPOSITORY).as_posix() not in READ_BY_AIRFLOW_ALONE:
            assert not {n.split(".")[0] for n in imported(file, top_level_only=True)} & heavy, file


def test_no_module_has_a_name_that_says_nothing():
    for package in ("vitrine", *STAGES, "dags"):
        for file in modules(package):
            assert file.stem not in {"utils", "helpers", "common", "misc", "manager"}, file
