"""Fixtures of the tests of deliveries."""

import pytest

from tests.email_lists.mail.posted_home import (
    NAMES,
    POLICY,
    publish,
    write,
)
from tests.email_lists.post_office import open_office
from tests.email_lists.written import person
from vitrine.installation import Installation


@pytest.fixture
def office():
    with open_office() as office:
        yield office


@pytest.fixture
def installation(settings, paths, contract, office):
    """A home whose mail server is `office`, with one list to four people, all due at once."""
    write(paths, contract, NAMES)
    publish(paths, [person(name) for name in NAMES])
    paths.list_policy.write_text(POLICY.format(port=office.port, rate=10_000))
    return Installation(settings)
