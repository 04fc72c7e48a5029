"""What another choice for the place that is drawn by chance would have sold.

The place from somewhere new is drawn, and its letter keeps the chance of what was. A policy that
would have shown one product there for sure, such as the best one, is judged by those letters whose
draw fell on that product: each counts for as many as its draw was unlikely.
"""

import numpy as np
import pyarrow as pa

from email_lists.frames import select
from email_lists.judging.off_policy import Log
from email_lists.judging.policies import Judged, believable
from vitrine.errors import BadInputError

REWARDS = ("bought", "shown turnover")

_DRAWN = """
with logged as (
    select message_id, customer_id, unnest(products) as product from letters
),
drawn as (
    select
        message_id,
        customer_id,
        product.slot,
        product.campaign_id,
        product.product_id,
        product.propensity
    from logged
    where product.propensity < 1
),
chosen as (
    select message_id, unnest(products) as product from shown
),
judged as (
    select
        message_id,
        product.slot,
        product.campaign_id as judged_campaign_id,
        product.product_id as judged_product_id
    from chosen
    where product.propensity = 1
),
sold as (
    select message_id, campaign_id, product_id, sum(line_value) as turnover
    from sales
    group by all
)
select
    customer_id,
    if(product_id = judged_product_id and campaign_id = judged_campaign_id, 0, 1) as action,
    propensity,
    (turnover is not null)::double as "bought",
    coalesce(turnover, 0)::double as "shown turnover"
from drawn
join judged using (message_id, slot)
left join sold using (message_id, campaign_id, product_id)
order by message_id
"""

_DOUBT = (
    "what letters show was not drawn by the logged chances; some draws were refused, as where stock"
    " ran out, and nothing tells what they would have sold: take nights with stock for all"
)


def judged(name: str, letters: pa.Table, shown: pa.Table, sales: pa.Table) -> list[Judged]:
    """Judge what another policy would have shown.

    Parameters
    ----------
    letters
        `vitrine.letters.LETTERS`' columns; of each slot of a letter one place at most was drawn.
    shown
        message_id and products (with slot, campaign_id, product_id and propensity) of the same
        letters as the other policy made them; only what it shows for sure (propensity 1) is judged,
        since its draws depend on the same chance.
    sales
        message_id, campaign_id, product_id and line_value of what counts as a letter's.

    Returns
    -------
    list of Judged
        One for each of `REWARDS`, per place that was drawn: the share whose product was bought, and
        the turnover of it.

    Raises
    ------
    BadInputError
        If no place was drawn that the other policy fills for sure, no draw fell on what it does, or
        letters do not show what was drawn by the logged chances: refused draws are not in the log.
    """
    rows = select(_DRAWN, letters=letters, shown=shown, sales=sales)
    if not rows.num_rows:
        raise BadInputError(
            f"{name}: no letter of these nights has a place that was drawn by chance and that these"
            " lists fill for sure; build them for the same list and nights, with a temperature of 0"
        )
    codes = rows["customer_id"].combine_chunks().dictionary_encode().indices
    certain_RA = np.tile([1.0, 0.0], (rows.num_rows, 1))
    logs = {
        reward: Log(
            customer_R=codes.to_numpy().astype(np.int64),
            cell_R=np.zeros(rows.num_rows, np.int64),
            action_R=rows["action"].to_numpy().astype(np.int64),
            propensity_R=rows["propensity"].to_numpy(),
            reward_R=rows[reward].to_numpy(),
        )
        for reward in REWARDS
    }
    return [
        believable(name, reward, log, certain_RA, "place", _DOUBT) for reward, log in logs.items()
    ]
