"""`vitrine rollback` as it is typed; what it does to aliases and ledger is in test_promotion."""

import pytest

from tests.training.test_registry import trained
from training.evaluation.gate import Decision
from training.promotion import Promotion
from training.registry import Registry


def test_a_rollback_is_one_command_and_an_analyst_can_ask_why(installation, run, tmp_path):
    models = Registry(installation.settings, installation.paths)
    for number, end in enumerate(("2011-02-01", "2011-02-02"), start=1):
        folder = tmp_path / end
        folder.mkdir()
        version = models.register("classifier", trained(folder, end, float(number)))
        Promotion.of(models, installation.paths).promote(version, Decision(True, "better"))

    code, printed = run("rollback", "classifier", "--reason", "all is a sofa")
    assert code == 0, printed
    assert "classifier version 1, which knows the data until 2011-02-01T00:00:00Z" in printed
    assert "instead of version 2" in printed
    assert "held from now on, since version 2 was rolled back from, until `vitrine pro" in printed
    champion = models.champion("classifier")
    assert champion is not None
    assert champion.version == 1

    query = (
        "select champion_version, previous_version, verdict, reason from rpt_champion_decisions"
        " where model = 'classifier' order by decided_at desc limit 1"
    )
    code, printed = run("sql", "--csv", query)
    assert (code, printed.splitlines()[1]) == (0, "1,2,restored,all is a sofa"), printed

    folder = tmp_path / "held"
    folder.mkdir()
    held = models.register("classifier", trained(folder, "2011-02-03", 3.0))
    Promotion.of(models, installation.paths).promote(held, Decision(True, "better"))
    code, printed = run("promote", "classifier", "--reason", "sofas are labelled again")
    assert (code, "classifier version 3" in printed, "of version 1" in printed) == (0, True, True)
    assert "refreshes that pass the gate are promoted" in printed
    code, printed = run("rollback", "classifier")
    assert (code, "instead of version 3" in printed) == (0, True), printed

    code, printed = run("rollback", "classifier")
    assert (code, "no champion came before version 1" in printed) == (2, True)


def test_what_cannot_be_rolled_back_is_refused_in_one_line(run):
    code, printed = run("rollback", "sofa")
    assert (code, "'sofa' is not one of 'ranker', 'classifier'" in printed) == (2, True)


@pytest.mark.parametrize("command", ["rollback", "promote"])
def test_an_empty_reason_is_refused(run, command):
    code, printed = run(command, "ranker", "--reason", " ")
    assert (code, "say what you saw, or leave the option out" in printed) == (2, True), printed
