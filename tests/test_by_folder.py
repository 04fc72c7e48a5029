import pytest

from tests import by_folder
from tests.conftest import REPOSITORY


@pytest.mark.parametrize(
    ("test", "folder"),
    [
        ("tests/test_readme.py::test_it", "tests"),
        ("tests/dags/test_dags.py::test_it[a/b::c]", "tests/dags"),
        ("tests/email_lists/test_kills.py::test_it", "tests/email_lists"),
        ("tests/email_lists/mail/test_delivery.py::test_it", "tests/email_lists/mail"),
        ("tests/training/ranker/test_losses.py::Test::test_it", "tests/training/ranker"),
        ("tests/training/classifier/judging/test_it.py::test_it", "tests/training/classifier"),
    ],
)
def test_a_folder_has_what_is_below_it(test, folder):
    assert by_folder.folder(test) == folder


def test_the_longest_come_first_and_all_are_there():
    assert [f for f in by_folder.LONGEST_FIRST if not (REPOSITORY / f).is_dir()] == []
    places = [by_folder.place(f"{f}/test_it.py::test_it") for f in by_folder.LONGEST_FIRST]
    assert places == sorted(places)
    assert by_folder.place("tests/dags/elsewhere/test_it.py::test_it") == len(places)
