"""`benchmarks.reasons` as a command; what it finds is tested in `tests/email_lists`."""

from click.testing import CliRunner

from benchmarks import reasons


def test_reasons_are_judged_by_the_policy_of_the_home(settings, paths, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(settings.home))
    paths.list_policy.parent.mkdir(parents=True)
    paths.list_policy.write_text("holdouts: {share: 0}\n")
    asked = CliRunner().invoke(reasons.main, ["--as-of", "2026-03-16T03:30:00Z"])
    assert asked.exit_code == 1
    assert "holdouts: there is no such rule" in str(asked.output)
