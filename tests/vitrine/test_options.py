from pathlib import Path

import click
import pytest

from vitrine.errors import BadArgumentError
from vitrine.options import ListNameType, refuse_unwritable


def test_a_folder_is_no_output(tmp_path):
    with pytest.raises(BadArgumentError, match="is a folder"):
        refuse_unwritable(tmp_path)


def test_a_folder_that_cannot_be_made_is_refused_before_the_work():
    with pytest.raises(BadArgumentError, match="/proc/nowhere"):
        refuse_unwritable(Path("/proc/nowhere/recs.parquet"))


def test_a_folder_that_is_not_there_yet_is_made(tmp_path):
    refuse_unwritable(tmp_path / "new" / "recs.parquet")
    assert (tmp_path / "new").is_dir()


@pytest.mark.parametrize("name", ["../scores", "Daily", "", "daily\n", "a/b"])
def test_a_lists_name_leads_to_no_other_folder(name):
    with pytest.raises(click.BadParameter, match="no list's name"):
        ListNameType().convert(name, None, None)
    assert ListNameType().convert("early_birds2", None, None) == "early_birds2"
