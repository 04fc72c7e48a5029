"""What the lists' judgements say of arms that differ in nothing, and of policies of known value."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import judging
from benchmarks.judged_lists import told
from benchmarks.judged_shop import judgements, spending, wishes
from benchmarks.open_bandit import THOMPSON, UNIFORM, cross_judgements
from vitrine.simulator.shop import Shop

SMALL = Shop(7, 2_000, judging.FOUNDED_ON, brand_count=12, openings_per_day=1.0)


def test_of_a_thousand_experiments_with_nothing_one_in_twenty_finds_something():
    found = judging.rates(spending(SMALL, 7), 1_000)
    for each in found:
        assert 0.04 <= each.false_positives <= 0.06, each
        assert each.split != "halves" or each.found > 1.5 * each.false_positives, each
        assert (each.mean_variance_kept < 0.95) == each.is_adjusted, each
        is_small = each.split != "halves" and not each.is_adjusted
        assert not is_small or each.by_welch > 1.2 * each.false_positives, each


@pytest.mark.parametrize(("logging", "judged"), [(0.5, 1.5), (1.0, 0.0)])
def test_a_log_tells_what_another_policy_is_worth_in_truth(logging, judged):
    shop = wishes(SMALL, 2)
    truth, made = shop.true_value(judged), shop.true_value(logging)
    each = list(judgements(shop, logging, judged, 600, 200, seed=1))
    assert np.mean([of.logged.low < truth < of.logged.high for of in each]) < 0.1
    for name in judging.ESTIMATORS:
        estimates = [getattr(judgement, name) for judgement in each]
        error = np.array([estimate.value - truth for estimate in estimates])
        assert abs(error.mean()) < 3 * error.std() / np.sqrt(200), name
        assert np.mean([e.low < truth < e.high for e in estimates]) > 0.9, name
        assert np.mean([e.change.low < truth - made < e.change.high for e in estimates]) > 0.9


@pytest.mark.real_data
def test_two_real_policies_are_judged_by_each_others_logs(real_data):
    found = cross_judgements(real_data / "open_bandit" / "men")
    assert [(each.judged, each.logged_by) for each in found] == [
        (THOMPSON, UNIFORM),
        (UNIFORM, THOMPSON),
    ]
    clicks = [each.by_its_own.logged.value for each in found]
    assert clicks == [0.0069, 0.0046], "the published sample has 69 and 46 clicks in 10,000"
    for each in found:
        own, other = each.by_its_own.logged, each.by_the_others_log
        assert other.mean_weight.low < 1 < other.mean_weight.high
        for estimate in (other.ips, other.snips, other.doubly_robust):
            assert estimate.low < own.high
            assert own.low < estimate.high
    better, worse = (each.by_the_others_log.doubly_robust.change.value for each in found)
    assert better > 0 > worse, "both logs say that Thompson sampling gets more clicks"


def test_a_shop_that_mails_lists_tells_what_its_best_arm_does():
    found = told(replace(SMALL, customer_count=600), is_limited=False, nights=3)
    assert found.uplift.low < found.true_uplift < found.uplift.high
    doubly_robust = found.clicks.judgement.doubly_robust
    assert doubly_robust.low < found.true_clicks < doubly_robust.high
    assert found.clicks.judgement.logged.value < found.true_clicks


def test_the_command_prints_a_page_and_names_what_is_missing(tmp_path):
    small = ["--replicas", "2", "--customers", "100", "--days", "1", "--shops", "0"]
    small += ["--million", "1000"]
    printed = CliRunner().invoke(judging.main, small, catch_exceptions=False)
    assert printed.exit_code == 0
    assert "## Shares of 1,000 customers" in printed.output
    assert "| halves | purchases, adjusted by the days before |" in printed.output
    missing = CliRunner().invoke(judging.main, [*small, "--open-bandit", str(tmp_path)])
    assert missing.exit_code == 1
    assert "random.csv.gz is not there: name the folder of a campaign's two logs" in missing.output
