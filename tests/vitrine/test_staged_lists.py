import pytest

from vitrine.errors import NotPublishedError
from vitrine.interval import parse_instant
from vitrine.staged_lists import EXCLUSIONS, FILES, PEOPLE, StagedList

AS_OF = parse_instant("2026-03-02T03:30:00Z")
CHECK = "run `vitrine check lists --list daily --as-of 2026-03-02T03:30:00Z`"


@pytest.fixture
def staged(paths):
    folder = paths.staged_list("daily", AS_OF)
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text(name)
    return StagedList.of(paths, "daily", AS_OF)


def test_a_mark_holds_for_what_was_checked_alone(staged):
    with pytest.raises(NotPublishedError, match=CHECK):
        staged.require_mark(staged.digest(), "policy")
    staged.mark(staged.digest(), "policy")
    staged.require_mark(staged.digest(), "policy")
    for name in FILES:
        file = staged.folder / name
        before = file.read_text()
        file.write_text(f"{before} changed")
        with pytest.raises(NotPublishedError, match=CHECK):
            staged.require_mark(staged.digest(), "policy")
        file.write_text(before)
    staged.require_mark(staged.digest(), "policy")
    with pytest.raises(NotPublishedError, match="by version policy of the policy, and now other"):
        staged.require_mark(staged.digest(), "other")
    staged.unmark()
    with pytest.raises(NotPublishedError, match=CHECK):
        staged.require_mark(staged.digest(), "policy")


def test_what_moved_between_two_files_is_another_list(staged):
    before = staged.digest()
    people, left_out = staged.folder / PEOPLE, staged.folder / EXCLUSIONS
    people.write_text(left_out.read_text()), left_out.write_text(PEOPLE)
    assert staged.digest() != before


def test_a_list_that_was_not_built_says_how(paths):
    with pytest.raises(NotPublishedError, match="lists build --list daily --as-of 2026-03-02T03"):
        StagedList.of(paths, "daily", AS_OF)


def test_a_night_that_was_named_by_its_date_is_told_its_instant(staged, paths):
    there = r"is built \(there is one as of 2026-03-02T03:30:00Z\); run `vitrine lists build"
    with pytest.raises(NotPublishedError, match=there):
        StagedList.of(paths, "daily", parse_instant("2026-03-02"))
    with pytest.raises(NotPublishedError, match="is built; run"):
        StagedList.of(paths, "weekly", AS_OF)
