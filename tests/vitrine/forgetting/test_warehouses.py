"""A DuckDB file loses one person's rows and words; what others have is copied as it stands."""

import hashlib

import duckdb
import pytest

from vitrine.errors import VitrineError
from vitrine.forgetting import warehouses
from vitrine.forgetting.formats import DUCKDB
from vitrine.forgetting.person import Person

MARIE = Person("marie", {"email_address": frozenset({"m.gil@example.org"})})
ODD_NAMES = [
    *("my copy", "order", "2026-archive", 'a"b', "Temp", "main", "system", "memory", "rewritten"),
    *("daily-20260302T0000", "daily-20260302T0000.2", ".tmp-0a-daily-20260302T0000", "-", "ids"),
]


def make(file, sql: str) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute(sql)


def rows(file, sql: str) -> list[tuple]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def erase(file, person: Person) -> int:
    count = DUCKDB.found(file, person)
    warehouses.erase(file, person)
    assert DUCKDB.found(file, person) == 0
    return count


def test_a_longer_word_that_holds_the_id_is_somebody_elses(tmp_path):
    """Neither a brand that begins with it nor a digest that holds it loses a letter."""
    file = tmp_path / "a.duckdb"
    make(
        file,
        """
        create table products (brand varchar, said varchar);
        insert into products values
            ('Mariella', 'for Marie, by m.gil@example.org.'),
            ('Rosemarie', 'from jim.m.gil@example.org'),
            ('ab12marie34', null);
        """,
    )
    assert erase(file, MARIE) == 1
    assert rows(file, "from products") == [
        ("Mariella", "for (erased), by (erased)."),
        ("Rosemarie", "from jim.m.gil@example.org"),
        ("ab12marie34", None),
    ]


def test_cells_of_other_types_lose_the_word_alone(tmp_path):
    file = tmp_path / "a.duckdb"
    make(
        file,
        """
        create table t (text varchar, cleaned varchar[], said json, kept struct(a varchar, n int));
        insert into t values
            ('marie', ['marie', 'x, y'], '{"who": "marie"}', {'a': 'of marie', 'n': 1}),
            ('Mariella', ['it''s, [so]', null], '{"who":  "Mariella"}', {'a': 'null', 'n': null});
        """,
    )
    assert erase(file, MARIE) == 1
    assert rows(file, "from t") == [
        ("(erased)", ["(erased)", "x, y"], '{"who": "(erased)"}', {"a": "of (erased)", "n": 1}),
        ("Mariella", ["it's, [so]", None], '{"who":  "Mariella"}', {"a": "null", "n": None}),
    ]


def test_thousands_of_letters_are_found_where_links_name_them(tmp_path):
    file = tmp_path / "a.duckdb"
    make(
        file,
        """
        create table clicks as
            select format('https://shop.example/?m=letter-{:09d}&n=1', n) as link
            from range(100000) as t(n);
        create table letters as
            select format('letter-{:09d}', n) as message_id, null::varchar as customer_id
            from range(100000) as t(n);
        """,
    )
    letters = frozenset(f"letter-{n:09}" for n in range(0, 100_000, 10))
    assert erase(file, Person("U0000549", {"message_id": letters})) == 20_000
    told = "select count(*) filter (link like '%(erased)&n=1'), count(*) from clicks"
    assert rows(file, told) == [(10_000, 100_000)]
    assert rows(file, "select count(*) from letters") == [(90_000,)]


def test_a_plain_number_is_found_after_the_word_customer_alone(tmp_path):
    file = tmp_path / "a.duckdb"
    make(
        file,
        """
        create table t (said varchar, product varchar);
        insert into t values ('no customer 17850', '17850'), ('no customer 178501', '17850');
        """,
    )
    assert erase(file, Person("17850")) == 1
    assert rows(file, "from t") == [
        ("no customer (erased)", "17850"),
        ("no customer 178501", "17850"),
    ]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_file_may_have_any_name(tmp_path, name):
    file, made = tmp_path / f"{name}.duckdb", tmp_path / "daily.duckdb"
    make(
        made,
        """
        create table people (customer_id varchar, note varchar);
        insert into people values ('marie', 'hers'), ('ben', 'his');
        """,
    )
    made.rename(file)
    assert warehouses.has_free_pages(file) is False
    assert erase(file, MARIE) == 1
    with duckdb.connect() as connection:
        path = str(file).replace("'", "''")
        connection.execute(f"attach '{path}' as it (read_only)")
        assert connection.execute("from it.people").fetchall() == [("ben", "his")]


@pytest.mark.parametrize("name", ["daily", "daily-20260302T0000", "my copy"])
def test_what_names_its_database_goes_with_each_version_of_it(tmp_path, name):
    """DuckDB calls a database by its file; views and macros go on naming what it once was."""
    made, file = tmp_path / "daily.duckdb", tmp_path / f"{name}.duckdb"
    make(
        made,
        """
        create table people (customer_id varchar);
        insert into people values ('marie'), ('ben');
        create view everybody as from daily.main.people;
        create macro nobody(n) as table from daily.main.everybody where n = 0;
        """,
    )
    made.rename(file)
    assert erase(file, MARIE) == 1
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as daily; use daily")
        assert connection.execute("from everybody").fetchall() == [("ben",)]
        assert connection.execute("from nobody(0)").fetchall() == [("ben",)]


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    file = tmp_path / "torn.duckdb"
    make(file, "create table t as select 'marie' as customer_id from range(100000)")
    file.write_bytes(file.read_bytes()[:9000])
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    for work in (warehouses.has_free_pages, lambda f: DUCKDB.found(f, MARIE)):
        with pytest.raises(VitrineError, match=r"torn\.duckdb cannot be opened now"):
            work(file)
    with pytest.raises(VitrineError, match=r"torn\.duckdb cannot be opened now"):
        warehouses.erase(file, MARIE)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


def test_what_cannot_be_copied_without_the_word_is_named(tmp_path):
    """Two different keys would become the same."""
    file = tmp_path / "keys.duckdb"
    sql = "create table t (key varchar primary key); insert into t values ('marie'), ('Marie')"
    make(file, sql)
    with pytest.raises(
        VitrineError, match=r"keys\.duckdb cannot be read or written anew .*duplicate key"
    ):
        warehouses.erase(file, MARIE)
    assert rows(file, "from t") == [("marie",), ("Marie",)]
