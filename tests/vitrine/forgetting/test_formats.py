"""What a database has deleted is still in its file; words of others in it are no trace."""

import sqlite3
from contextlib import closing

import pytest

from vitrine.forgetting.formats import SQLITE, format_of
from vitrine.forgetting.person import Person

MARIE = Person("marie")


@pytest.mark.parametrize("deleted", ["marie", "mariella"])
def test_deleted_values_of_a_database_are_found_in_its_bytes(tmp_path, deleted):
    file = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("pragma secure_delete = off")
        database.execute("create table t (value text)")
        values = [("mariella",), ("ben",), (deleted,), (deleted,)]
        database.executemany("insert into t values (?)", values)
        database.commit()
        database.execute("delete from t where rowid > 2")
        database.commit()
    assert format_of(file, is_lake=False) is SQLITE
    assert SQLITE.found(file, MARIE) > 0
    assert SQLITE.erase
    SQLITE.erase(file, MARIE)
    assert SQLITE.found(file, MARIE) == 0
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("select value from t").fetchall() == [("mariella",), ("ben",)]
