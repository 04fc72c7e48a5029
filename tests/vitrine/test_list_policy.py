from datetime import date, time

import pytest
from click.testing import CliRunner

from vitrine.cli import vitrine
from vitrine.errors import BadArgumentError
from vitrine.installation import Installation
from vitrine.list_policy import SEGMENTS, STRATEGIES, ListPolicy
from vitrine.list_policy_file import parse, read
from vitrine.settings import load_settings

BAN = "{action: ban, brand: Kiln, because: recall, decided_by: ada, reviewed_by: bo}"


def installed(home, **settings):
    given = {"VITRINE_HOME": str(home)}
    return Installation(
        load_settings(given | {f"VITRINE_{k.upper()}": v for k, v in settings.items()})
    )


def test_without_a_file_the_defaults_hold(tmp_path):
    assert read(installed(tmp_path)) == ListPolicy()


def test_the_file_in_the_home_holds_and_the_named_one_before_it(tmp_path):
    (tmp_path / "list_policy.yaml").write_text("caps: {per_week: 3}")
    (tmp_path / "other.yaml").write_text("caps: {per_week: 4}")
    assert read(installed(tmp_path)).caps.per_week == 3
    other = str(tmp_path / "other.yaml")
    assert read(installed(tmp_path, list_policy=other)).caps.per_week == 4


def test_a_named_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadArgumentError, match="there is no such file"):
        read(installed(tmp_path, list_policy=str(tmp_path / "missing.yaml")))
    with pytest.raises(BadArgumentError, match="there is no such file"):
        read(installed(tmp_path, list_policy=str(tmp_path)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("caps: {per_month: 3}", "p.yaml: caps.per_month: there is no such rule"),
        ("holdout: {share: 2}", "p.yaml: holdout.share: "),
        ("lists: {daily: {arms: {a: {share: .5}}}}", "p.yaml: lists.daily: .*do not add to 1"),
        ("lists: {Daily: {}}", "p.yaml: lists.Daily: a list's name is of small"),
        ("overrides: [{action: ban}]", "overrides.#1.because: is missing"),
        (f"overrides: [{BAN}, {BAN.replace('ban', 'pin')}]", "'Kiln' is both pinned and banned"),
        (f"overrides: [{BAN.replace('bo}', 'Ada }')}]", "cannot review what the same person"),
        ("caps: {per_day: 1}\ncaps: {per_week: 3}", "line 2, column 1: 'caps' stands twice"),
        ("suppress: {countries: [France]}", "suppress.countries.#1: .*, not 'France'"),
        ("suppress: {countries: [NO]}", "write a country in quotes, such as 'NO'"),
        ("suppress: {domains: ['@Example.org']}", "suppress.domains.#1: .*, not '@Example.org'"),
        ("lists: {daily: {strategies: {loyal: sellection}}}", "loyal: .*, not 'sellection'"),
        ("caps: {per_day: -1, per_month: 2}", "p.yaml:\n  caps.per_day: .*\n  caps.per_month: "),
        (f"overrides: [{BAN.replace('bo}', 'ada}')}]", "cannot review what the same person"),
        (
            f"overrides: [{BAN.replace('brand: Kiln, ', '')}]",
            "name a brand, a product or a campaign",
        ),
        ("sender: {unsubscribe_url: 'https://a.example/{who}'}", "{message_id} alone is replaced"),
        ("sender: {unsubscribe_url: 'https://a.example/'}", "nobody knows who unsubscribes"),
        ("sender: {product_url: 'javascript:alert(1)'}", "product_url: .*begins with https://"),
        ("sender: {product_url: 'https://a.example/{product_id.x}'}", "product_url: of what"),
        ('sender: {name: "a\\nBcc: b@c.example"}', "sender.name: .*line break"),
        ("send_times: {quiet_from: 21:00}", "quiet_from: .*in quotes, such as '21:00'"),
        ("send_times: {default: '06:59'}", "the default 06:59 lies in the quiet hours"),
        ('sender: {address: "a@b.example,c@d.example"}', "sender.address: .*no e-mail address"),
        ("{", "p.yaml is not YAML"),
        (
            "overrides:\n- {until: 2026-02-31}",
            "p.yaml is not YAML, line 2, column 11: 2026-02-31 is on",
        ),
        ("caps: {per_day: true}", "caps.per_day: yes, or true, says nothing here"),
        ("lists: {}", "lists: name at least one"),
        (
            "lists: {daily: {arms: {hold_out: {share: 1}}}}",
            "lists.daily.arms: hold_out is the control",
        ),
        ("send_times: {default: '07:30Z'}", "send_times.default: write 07:30 alone"),
        ("delivery: {late_hours: .inf}", "delivery.late_hours: "),
        ("allocation: {stock_factor: .nan}", "allocation.stock_factor: "),
        ("suppress: {customers: ann}", "suppress.customers: write a list.*, not 'ann'"),
        ("caps: 3", "caps: write its names below it"),
        ("- 1", "p.yaml is not a mapping"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(text, message):
    with pytest.raises(BadArgumentError, match=message):
        parse(text, "p.yaml")


@pytest.mark.parametrize(
    ("quiet_from", "quiet_until", "quiet"),
    [
        ("21:00", "07:00", {*range(7), 21, 22, 23}),
        ("12:00", "14:00", {12, 13}),
        ("0:00", "0:00", set()),
    ],
)
def test_quiet_hours_may_span_midnight_or_not_be(quiet_from, quiet_until, quiet):
    text = f"send_times: {{quiet_from: '{quiet_from:0>5}', quiet_until: '{quiet_until:0>5}'}}"
    rules = parse(text, "p.yaml").send_times
    assert {hour for hour in range(24) if rules.is_quiet(time(hour))} == quiet


def test_a_list_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(BadArgumentError, match="no list 'weekly'; its lists: daily"):
        ListPolicy().list_named("weekly")


def test_an_override_holds_to_its_last_night():
    policy = parse(f"overrides: [{BAN[:-1]}, until: 2026-03-16}}]", "p.yaml")
    assert len(policy.overrides_on(date(2026, 3, 16))) == 1
    assert policy.overrides_on(date(2026, 3, 17)) == ()


def test_the_version_changes_with_any_rule_that_lists_are_made_by():
    assert ListPolicy().version == parse("", "p.yaml").version
    assert ListPolicy().version != parse("caps: {per_week: 6}", "p.yaml").version


def test_the_mail_server_is_no_rule_that_lists_are_made_by():
    policy = parse("delivery: {host: localhost, port: 25}", "p.yaml")
    assert policy.delivery.port == 25
    assert policy.version == ListPolicy().version


def test_every_segment_has_a_known_strategy():
    strategies = ListPolicy().lists["daily"].strategies
    assert set(strategies) == set(SEGMENTS)
    assert set(strategies.values()) == set(STRATEGIES)


def test_the_rules_that_hold_are_printed_as_a_file_that_says_the_same(tmp_path, monkeypatch):
    (tmp_path / "list_policy.yaml").write_text(f"overrides: [{BAN}]")
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    printed = CliRunner().invoke(vitrine, ["lists", "policy"], catch_exceptions=False).output
    policy = read(installed(tmp_path))
    assert printed.startswith(f"# {tmp_path / 'list_policy.yaml'}, version {policy.version}\n")
    assert parse(printed, "printed") == policy
