"""How the tests are shared out among processes: a folder is one process's, the longest ones first.

Fixtures of a session, such as a built warehouse, belong to the tests of one folder; so each is made
once, whatever the number of processes.
"""

from pathlib import PurePosixPath

from xdist.scheduler import LoadScopeScheduling

LONGEST_FIRST = (
    "tests/scenarios",
    "tests/email_lists",
    "tests/dbt_project",
    "tests/benchmarks",
    "tests/compose",
    "tests/training/classifier",
    "tests/training/ranker",
    "tests/vitrine/transform",
    "tests/expectations",
    "tests/email_lists/mail",
)
"""Each takes a minute or more; the others fill what is left of either process's time."""


def folder(nodeid: str) -> str:
    """Return the folder that a test belongs to: of `tests/a/b/c/test_d.py::test_e` `tests/a/b`."""
    file = PurePosixPath(nodeid.partition("::")[0])
    return "/".join(file.parent.parts[:3])


def place(nodeid: str) -> int:
    """Return when a test's turn comes: what takes minutes must not begin last."""
    own = folder(nodeid)
    return LONGEST_FIRST.index(own) if own in LONGEST_FIRST else len(LONGEST_FIRST)


class ByFolder(LoadScopeScheduling):
    """Give each process a folder, in the order of the tests, and the next when it is through."""

    def _split_scope(self, nodeid: str) -> str:
        return folder(nodeid)
