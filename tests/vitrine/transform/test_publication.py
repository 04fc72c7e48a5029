"""A built file becomes what readers see, once it is whole and not older than what is published."""

import shutil

import duckdb
import pytest

from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.interval import Interval
from vitrine.transform import dbt, publication
from vitrine.warehouse import published_file

FIRST = Interval.parse("2026-03-01", "2026-03-02")
SECOND = Interval.parse("2026-03-02", "2026-03-03")


def test_a_built_file_moves_to_where_readers_look(installation, build_file):
    built = build_file("daily", FIRST)
    published = publication.publish_build(installation, "daily", FIRST)
    assert published == published_file(installation.paths, "daily")
    assert not built.exists()
    assert publication.data_end(published) == FIRST.end


def test_a_reader_keeps_its_file_while_the_next_is_published(installation, build_file):
    build_file("daily", FIRST)
    first = publication.publish_build(installation, "daily", FIRST)
    with duckdb.connect(str(first), read_only=True) as reader:
        build_file("daily", SECOND)
        publication.publish_build(installation, "daily", SECOND)
        assert reader.execute("select count(*) from marts.dim_days").fetchall() == [(50,)]
    assert publication.data_end(published_file(installation.paths, "daily")) == SECOND.end


def test_older_data_is_published_by_force_only(installation, build_file):
    build_file("daily", SECOND)
    publication.publish_build(installation, "daily", SECOND)
    build_file("daily", FIRST)
    with pytest.raises(BadArgumentError, match=r"until 2026-03-03.* ends at 2026-03-02.*--force"):
        publication.publish_build(installation, "daily", FIRST)
    publication.publish_build(installation, "daily", FIRST, force=True)
    assert publication.data_end(published_file(installation.paths, "daily")) == FIRST.end


def test_the_same_interval_is_published_again(installation, build_file):
    build_file("daily", FIRST)
    publication.publish_build(installation, "daily", FIRST)
    build_file("daily", FIRST)
    second = publication.publish_build(installation, "daily", FIRST)
    assert published_file(installation.paths, "daily") == second


def test_nothing_built_is_nothing_published(installation):
    with pytest.raises(NotPublishedError, match="no build of daily"):
        publication.publish_build(installation, "daily", FIRST)


@pytest.mark.parametrize(("layer", "is_ended"), [("features", True), ("marts", False)])
def test_a_build_without_its_last_layer_is_refused(installation, build_file, layer, is_ended):
    file = build_file("daily", FIRST)
    dbt.note_progress(file.parent, layer, is_ended)
    with pytest.raises(NotPublishedError, match="not built to the end"):
        publication.publish_build(installation, "daily", FIRST)
    assert not (installation.paths.warehouse / "daily.duckdb").exists()


def test_a_copy_of_the_published_version_is_refused(installation, build_file):
    """An increment begins as one, so that all that is looked for is there."""
    build_file("daily", FIRST)
    published = publication.publish_build(installation, "daily", FIRST)
    file = build_file("daily", SECOND)
    shutil.copyfile(published, file)
    with pytest.raises(NotPublishedError, match="not built to the end"):
        publication.publish_build(installation, "daily", SECOND)
    assert published_file(installation.paths, "daily") == published


def test_a_publish_that_was_killed_after_the_move_is_completed(installation, build_file):
    build_file("daily", FIRST)
    first = publication.publish_build(installation, "daily", FIRST)
    build_file("daily", SECOND)
    second = publication.publish_build(installation, "daily", SECOND)
    link = installation.paths.warehouse / "daily.duckdb"
    link.unlink()
    link.symlink_to(first.relative_to(link.parent))
    folder = installation.paths.build_file("daily", SECOND).parent
    (folder / "dbt" / "target").mkdir(parents=True)
    (folder / "dbt" / "target" / "compiled.sql").touch()
    assert publication.publish_build(installation, "daily", SECOND) == second
    assert published_file(installation.paths, "daily") == second
    assert not list(folder.rglob("*.sql"))


def test_an_older_publish_that_is_run_again_switches_nothing_back(installation, build_file):
    build_file("daily", FIRST)
    first = publication.publish_build(installation, "daily", FIRST)
    build_file("daily", SECOND)
    second = publication.publish_build(installation, "daily", SECOND)
    assert publication.publish_build(installation, "daily", FIRST) == first
    assert published_file(installation.paths, "daily") == second
