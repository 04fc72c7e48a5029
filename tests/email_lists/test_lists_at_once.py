"""Two lists that are published at once: together they promise nobody more than the caps allow."""

import multiprocessing
from collections import Counter

from email_lists.handover import publication
from tests.email_lists import nights
from tests.email_lists.homes import AS_OF, furnish, stage
from tests.email_lists.written import person
from vitrine import letters

LISTS = ("daily", "weekend")


def publish(home, landing, name, at_once):
    at_once.wait()
    publication.publish(nights.installation(home, landing), name, AS_OF)


def test_whoever_comes_second_leaves_out_whom_the_first_wrote_to(paths):
    furnish(paths, nights.NAMES)
    home, landing = str(paths.home), str(paths.landing)
    for name in LISTS:
        stage(nights.installation(home, landing), [person(c) for c in nights.NAMES], name=name)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.email_lists.nights"])
    at_once = context.Barrier(len(LISTS))
    started = [context.Process(target=publish, args=(home, landing, n, at_once)) for n in LISTS]
    for process in started:
        process.start()
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0, 0]
    got = Counter(letters.read(paths.lists)["customer_id"].to_pylist())
    assert got == dict.fromkeys(nights.NAMES, 1)
