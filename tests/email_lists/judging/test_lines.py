"""What is printed: the figures, where they come from, and what they cannot say."""

import pyarrow as pa

from email_lists.judging import lines
from email_lists.judging.policies import judged
from email_lists.judging.uplift import uplifts
from vitrine.letters import HOLD_OUT

ARMS = ["bold", "bold", "bold", HOLD_OUT, HOLD_OUT, HOLD_OUT]
CUSTOMERS = pa.table(
    {
        "customer_id": [f"c{n}" for n in range(6)],
        "arm": ARMS,
        "purchases": [3, 5, 4, 2, 2, 2.6],
        "clicked": [1, 0, 1, 0, 0, 0],
    }
)
LETTERS = pa.table(
    {
        "customer_id": [f"c{n}" for n in range(8)],
        "night": ["2026-03-02"] * 8,
        "segment": ["loyal"] * 8,
        "strategy": ["premium", "selection"] * 4,
        "arm": ["bold", "plain"] * 4,
        "arm_propensity": [0.5] * 8,
        "clicked_at": ["08:00", None, "08:00", None, None, "08:00", None, None],
        "turnover": [10.0, 0, 20, 0, 0, 6, 0, 0],
    }
)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_an_arm_is_a_line_for_each_outcome_and_a_small_group_is_named():
    found = pa.concat_tables([uplifts(CUSTOMERS, each) for each in ("purchases", "clicked")])
    head, purchases, clicked, warning = map(cells, lines.uplift_lines(found))
    assert len(head) == len(purchases) == len(clicked)
    assert purchases[:6] == ["purchases", "bold", "3", "4", "2.2", "+1.8"]
    assert purchases[-2:] == ["+81.8% (+3% to +314%)", "0.042"]
    assert clicked[-2] == "none", "nobody held out clicks: there is no share of that"
    assert warning == ["the smallest group has 3 customers: only large changes can be seen"]


def test_where_nobody_is_in_another_arm_that_is_all_there_is_to_say():
    alone = CUSTOMERS.slice(0, 3)
    assert list(lines.uplift_lines(uplifts(alone, "clicked", control="bold"))) == [
        "there is no other arm"
    ]


def test_a_plan_has_three_estimates_and_the_weight_of_its_letters():
    plan = {"loyal": {"premium": 1.0}}
    printed = [
        cells(line)
        for line in lines.plan_lines(
            [judged("bold", plan, LETTERS, reward) for reward in ("clicked", "turnover")]
        )
    ]
    assert [line[:4] for line in printed[1:4]] == [
        ["clicked", "bold", "ips", "0.5"],
        ["clicked", "bold", "snips", "0.5"],
        ["clicked", "bold", "doubly robust", printed[3][3]],
    ]
    assert printed[4][:4] == ["turnover", "bold", "ips", "7.5"]
    assert [line[5] for line in printed[1:7]] == ["0.375"] * 3 + ["4.5"] * 3
    [said] = printed[7:]
    assert said[0].startswith("bold: 8 customers tell as much as 4 of its own; mean weight 1.000")


def test_shares_that_may_not_be_those_of_the_draw_are_noticed():
    many = pa.concat_tables([LETTERS] * 9).set_column(0, "customer_id", [[*map(str, range(72))]])
    doubtful = many.set_column(5, "arm_propensity", pa.array([0.35, 0.65] * 36))
    *_, said = lines.plan_lines([judged("bold", {"loyal": {"premium": 1.0}}, doubtful, "clicked")])
    assert said == "bold: a mean weight other than 1 says that the logged shares are wrong"
