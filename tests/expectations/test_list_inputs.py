"""What the gate reads of a home: nobody merges it meanwhile, and the home may lie anywhere."""

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from expectations.list_inputs import Inputs
from tests.expectations.listed_home import AS_OF, EARLY, NIGHT, Handed, Home, consent, person
from vitrine import lake, list_policy_file
from vitrine.contracts import TABLES
from vitrine.interval import DAY, Interval, midnight
from vitrine.settings import load_settings
from vitrine.staged_lists import StagedList
from vitrine.warehouse import published_file


def inputs_of(home):
    """Stage a letter to ann, and return what the gate holds it against."""
    home.checks([person("ann")])
    return Inputs(
        paths=home.paths,
        staged=StagedList.of(home.paths, "daily", AS_OF),
        known_before=midnight(NIGHT),
        warehouse=published_file(home.paths, "daily"),
        has_consents=True,
        policy=list_policy_file.read(home.installation),
    )


def test_a_table_is_not_merged_while_the_gate_reads_it(home):
    for half in Interval.of_day(EARLY.date()).split(DAY / 2):
        row = consent("ann") | {"customer_id": "ann", "received_at": half.start}
        rows = pa.Table.from_pylist([row], schema=TABLES["consents"].schema)
        lake.write_partition(home.paths.lake, "consents", half, rows)
    with ThreadPoolExecutor(1) as pool, inputs_of(home).connect() as connection:
        merging = pool.submit(lake.merge, home.paths.lake, "consents", EARLY.date())
        with pytest.raises(TimeoutError):
            merging.result(0.5)
        assert connection.execute("select count(*) from consents").fetchone() == (2,)
    assert merging.result() == 2


def test_a_home_may_lie_in_a_folder_with_quotes_in_its_name(tmp_path):
    given = {"VITRINE_HOME": str(tmp_path / 'l\'été "neuf"'), "VITRINE_LANDING": str(tmp_path)}
    home = Home(load_settings(given))
    home.hand_over("ann", Handed())
    with inputs_of(home).connect() as connection:
        found = connection.execute("select message_id from handed_over").fetchall()
    assert found == [("handed over",)]
