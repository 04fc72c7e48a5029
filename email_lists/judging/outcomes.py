"""What became of customers and of letters: the tables that judgements are made of.

Customers are judged by all that they bought in the time looked at, whether a letter led to it or
not (intention to treat): who was to be written to and left in between still counts, and so does
whom caps alone left out. Caps count letters, so they take hardly anybody of those held out; without
whom they take of an arm the two would be different people.
"""

from datetime import timedelta

import pyarrow as pa

from email_lists.frames import select
from vitrine.interval import Interval

PURCHASES, REACTIONS = ("turnover", "purchases"), ("opened", "clicked")
"""What arms are compared by; reactions between arms alone, since those held out have none."""

_CUSTOMERS = """
with assigned as (
    select customer_id, arm, opened_at, clicked_at from letters
    union all by name
    select customer_id, assigned as arm from left_out
),
entered as (
    select customer_id, arm, count(opened_at) as opened, count(clicked_at) as clicked
    from assigned
    group by all
),
bought as (
    select
        customer_id,
        sum(line_value) filter (where occurred_at >= $start) as turnover,
        count(distinct order_id) filter (where occurred_at >= $start) as purchases,
        sum(line_value) filter (where occurred_at < $start) as turnover_before,
        count(distinct order_id) filter (where occurred_at < $start) as purchases_before
    from sales
    semi join entered using (customer_id)
    where occurred_at >= $before and occurred_at < $end
    group by all
)
select
    customer_id,
    arm,
    opened::double as opened,
    clicked::double as clicked,
    coalesce(turnover, 0)::double as turnover,
    coalesce(purchases, 0)::double as purchases,
    coalesce(turnover_before, 0)::double as turnover_before,
    coalesce(purchases_before, 0)::double as purchases_before
from entered
left join bought using (customer_id)
order by customer_id, arm
"""


def of_customers(
    letters: pa.Table, left_out: pa.Table, sales: pa.Table, nights: Interval, before_days: int
) -> pa.Table:
    """Sum up what each customer did who was drawn for an arm or held out in some nights.

    Parameters
    ----------
    letters
        customer_id, arm, opened_at and clicked_at (null: never); one row per letter of the nights.
    left_out
        customer_id and assigned (arm or hold_out) of those whom nothing but a cap or the hold-out
        left out; any number of rows each.
    sales
        order_id, customer_id, line_value, occurred_at; one row per sale line.
    before_days
        The days before the first night that count as what was before.

    Returns
    -------
    pyarrow.Table
        One row per customer and arm, by both: customer_id, arm, and as float64 opened and clicked
        (letters), turnover, purchases (orders), turnover_before and purchases_before.
    """
    return select(
        _CUSTOMERS,
        {
            "before": nights.start - timedelta(days=before_days),
            "start": nights.start,
            "end": nights.end,
        },
        letters=letters,
        left_out=left_out,
        sales=sales,
    )
