"""A small home of which every kind of file names the same person, and others beside her."""

import gzip
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vitrine import lake
from vitrine.deltas import USER_DAYS
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.landing.land import land
from vitrine.paths import Paths
from vitrine.settings import load_settings

ANN, BOB, LONGER = "U0000549", "U0000550", "U00005490"
ADDRESS = "ann.gil@example.org"
HER_LETTER = "ab12" * 8
DAYS = Interval.parse("2026-03-01", "2026-03-03")
POLICY = f"""\
suppress:
  customers: [{ANN}, {BOB}, (erased)]  # {ANN}: asked by telephone
  minimum_age: 18
"""
HEADERS = {
    "customers": "customer_id,signed_up_at,birth_year,gender,socio_professional_group,country,"
    "postal_code,language,timezone,received_at",
    "contacts": "customer_id,email_address,received_at",
    "consents": "consent_id,customer_id,purpose,is_granted,changed_at,source,received_at",
    "suppressions": "suppression_id,customer_id,email_address,reason,suppressed_at,received_at",
    "orders": "order_id,line,customer_id,product_id,campaign_id,quantity,unit_price,channel,kind,"
    "occurred_at,received_at",
    "events": "event_id,customer_id,session_id,kind,campaign_id,product_id,position,device,"
    "occurred_at,received_at",
}


def raw_lines(day: int) -> dict[str, list[str]]:
    """What the shop delivers of one day; a guest's event belongs to Ann's session."""
    on = f"2026-03-0{day}T10:00:00Z"
    people = [
        f"{who},{on},{year},F,worker,FR,{code},fr,Europe/Paris,{on}"
        for who, year, code in ((ANN, 1975, 37827), (BOB, 1980, 75001), (LONGER, 1990, 75002))
    ]
    orders = [
        f"O{who}x{day}{n},1,{who},P1,C1,1,9.50,web,sale,{on},{on}"
        for who in (ANN, BOB, LONGER)
        for n in range(3)
    ]
    events = [
        f"E{day}{n},{who},S{session},product_view,C1,P1,,phone,{on},{on}"
        for n, (who, session) in enumerate([(ANN, "ann"), (BOB, "bob"), ("", "ann"), ("", "x")])
    ]
    return {
        "customers": people,
        "contacts": [f"{ANN},{ADDRESS},{on}", f"{BOB},bob@example.org,{on}"],
        "consents": [
            f"G{who}x{day},{who},email_marketing,yes,{on},sign_up,{on}" for who in (ANN, BOB)
        ],
        "suppressions": [f"X{day},,Ann.Gil@example.org,complaint,{on},{on}"],
        # A repeated line and one that cannot be read stand in quarantine.
        "orders": [*orders, orders[0], f"O9,zero,{ANN},P1,C1,1,9.50,web,sale,{on},{on}"],
        "events": [*events, f"E9,{ANN},torn"],
    }


def deliver(landing: Path) -> None:
    """Write the drops of both days."""
    for day in (1, 2):
        for table, lines in raw_lines(day).items():
            file = landing / table / f"2026030{day}T0000-2026030{day + 1}T0000.csv.gz"
            file.parent.mkdir(parents=True, exist_ok=True)
            text = "\n".join([HEADERS[table], *lines]) + "\n"
            file.write_bytes(gzip.compress(text.encode(), mtime=0))


def installation_of(home: Path) -> Installation:
    """Return a home whose landing folder lies in it."""
    return Installation(load_settings({"VITRINE_HOME": str(home)}))


def build(home: Path) -> Installation:
    """Land both days, and leave what later stages, servers and people leave."""
    installation = installation_of(home)
    paths = installation.paths
    deliver(paths.landing)
    list(land(installation.shop, installation.settings, paths, DAYS))
    for table in ("orders", "keys"):
        lake.merge(paths.lake if table == "orders" else paths.home, table, DAYS.start.date())
    _derive(paths)
    _publish_list(paths)
    _write_texts(paths)
    return installation


def _derive(paths: Paths) -> None:
    people = pa.array([ANN, BOB, LONGER] * 2)
    day = Interval.parse("2026-03-01", "2026-03-02")
    counts = {c.name: pa.array([1] * 6) for c in USER_DAYS.columns if c.type == pa.int64()}
    rest = {
        "customer_id": people,
        "occurred_on": pa.array([day.start.date()] * 6),
        "ds": pa.array([day.start.date()] * 6),
        "turnover": pa.array([9.5] * 6),
        "return_value": pa.array([0.0] * 6),
    }
    lake.write_partition(paths.deltas, "user_days", day, USER_DAYS.conform(pa.table(counts | rest)))
    paths.examples.mkdir(parents=True)
    # A dictionary keeps values that no row has any more; a group of rows is written at a time.
    examples = pa.table({"customer_id": people.dictionary_encode(), "clicks": list(range(6))})
    pq.write_table(examples, paths.examples / "20260302T0000.parquet", row_group_size=2)
    file = paths.warehouse / "versions" / "daily-20260302T0000.duckdb"
    file.parent.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"""
            attach '{file}' as daily;
            use daily;
            create schema marts;
            create table marts.dim_customers (customer_id varchar not null, note varchar);
            comment on column marts.dim_customers.note is 'What was said.';
            insert into marts.dim_customers values
                ('{ANN}', 'hers'), ('{BOB}', 'not {ANN}''s'), ('{LONGER}', null);
            create view marts.v as select * from daily.marts.dim_customers;
            create macro marts.f(a) as table select note from daily.marts.dim_customers where a;
            create table marts.gone as
                select '{ANN}' as customer_id, repeat('{ANN} ', 99) from range(2000);
            checkpoint daily;
            drop table marts.gone;
            checkpoint daily;
        """)
    (paths.warehouse / "daily.duckdb").symlink_to("versions/daily-20260302T0000.duckdb")


def _publish_list(paths: Paths) -> None:
    folder = paths.lists / "daily" / "2026-03-02" / "versions" / "20260302T0330"
    (folder / "lists").mkdir(parents=True)
    rows = [[ANN, ADDRESS, "two\nlines"], [BOB, "bob@example.org", "one"]]
    cells = "\n".join(f'{who},{address},"{text}"' for who, address, text in rows)
    (folder / "lists" / "FR-fr.csv").write_text(f"customer_id,email_address,text\n{cells}\n")
    (folder / "lists" / "FR-fr.jsonl").write_text(
        "".join(json.dumps({"customer_id": w, "email_address": a}) + "\n" for w, a, _ in rows)
    )
    letters = pa.table({"message_id": [HER_LETTER, "b" * 32], "customer_id": [ANN, BOB]})
    pq.write_table(letters, folder / "lists" / "FR-fr.parquet")
    excluded = pa.table({"customer_id": [LONGER], "exclusion": ["age"]})
    pq.write_table(excluded, folder / "exclusions.parquet")
    delivered = [{"message_id": i, "state": "sent"} for i in (HER_LETTER, "b" * 32)]
    (folder / "delivered.jsonl").write_text("".join(json.dumps(d) + "\n" for d in delivered))
    pq.write_table(letters, folder / "letters.parquet")
    previews = folder / "previews"
    previews.mkdir()
    cards = [f"<article>\nto customer {who}\n</article>\n" for who in (ANN, BOB)]
    (previews / "index.html").write_text("".join(["<h1>Letters</h1>\n", *cards]))
    for name, message, bought in (("loyal", HER_LETTER, "red mug"), ("new", "b" * 32, "rug")):
        letter = f'because you bought {bought}: <a href="https://shop.example/?message={message}">'
        (previews / f"{name}.html").write_text(letter)
    files = {
        file.relative_to(folder).as_posix(): {
            "bytes": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        for file in sorted(folder.rglob("*.*"))
    }
    told = {"known": 3, "listed": 2, "excluded": 1, "excluded_by_reason": {"age": 1}}
    manifest = {"customers": told, "lists": {"FR-fr": 2}, "files": files, "night": "2026-03-02"}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _write_texts(paths: Paths) -> None:
    paths.list_policy.write_text(POLICY)
    for number in range(4):
        log = paths.airflow / "logs" / f"{number}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"asked for {ANN} ({ADDRESS.upper()}), not for {LONGER}\nand {BOB}\n")
    (paths.airflow / "logs" / ".tmp-0a-0.log").write_text(f"what a killed writer left of {ANN}")
    (paths.airflow / "logs" / f"customer={ANN}.log").write_text("")
    (paths.data_docs / "lists").mkdir(parents=True)
    (paths.data_docs / "lists" / "index.html").write_text(f"<td>{ANN}</td><td>{BOB}</td>")
    months = paths.runs / "months"
    months.mkdir(parents=True)
    record = pa.table({"run_id": ["a", "b"], "record": [f'{{"error": "no {ANN}"}}', "{}"]})
    pq.write_table(record, months / "2026-02.parquet")
    checkpoints = paths.staging / "checkpoints"
    checkpoints.mkdir(parents=True)
    np.save(checkpoints / "people.npy", np.array([ANN, BOB]))
    np.save(checkpoints / "others.npy", np.array([BOB]))
    paths.mlflow.mkdir(parents=True)
    (paths.staging / "torn.parquet").write_bytes(b"PAR1" + ANN.encode() + b"\0")
    database = sqlite3.connect(paths.mlflow / "mlflow.db")
    database.execute("create table params (key text, value text)")
    database.executemany("insert into params values (?, ?)", [("who", ANN), ("who", BOB)])
    database.execute("create table old (value text)")
    database.executemany("insert into old values (?)", [(ANN,)] * 500)
    database.execute("delete from old")
    database.commit()
    database.close()


def copied(installation: Installation, home: Path) -> Installation:
    """Return a copy of a home, times of change included."""
    shutil.copytree(installation.paths.home, home, symlinks=True)
    return installation_of(home)


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file, by its place."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each file's bytes, and what they say once unpacked or decoded."""
    for file in sorted(f for f in folder.rglob("*") if f.is_file() and not f.is_symlink()):
        name, data = file.relative_to(folder).as_posix(), file.read_bytes()
        yield name, data
        if file.suffix == ".gz":
            yield name, gzip.decompress(data)
        if file.suffix == ".parquet" and data.endswith(b"PAR1"):
            yield name, repr(pq.ParquetFile(file).read().to_pylist()).encode()
        if file.suffix == ".npy":
            yield name, repr(np.load(file).tolist()).encode()
        if file.suffix == ".duckdb":
            with duckdb.connect(str(file), read_only=True) as connection:
                tables = "select schema_name || '.' || table_name from duckdb_tables()"
                for (table,) in connection.execute(tables).fetchall():
                    yield name, repr(connection.execute(f"from {table}").fetchall()).encode()
