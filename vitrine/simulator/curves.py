"""Draw how a simulated retailer's customers buy, beside those of a real shop.

`python -m vitrine.simulator.curves --retailer FOLDER --online-retail FOLDER --out FILE.png`

Both folders hold raw files. The picture shows aggregates alone. A third line in the panel of repeat
purchase is the control: the same sales, products shuffled among each week's lines.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from vitrine.errors import BadInputError

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

Curve = tuple[np.ndarray, np.ndarray]
"""The places and the heights of a line."""
RETAILER = """
    select distinct on (order_id, line)
        order_id, customer_id, product_id, cast(try_cast(occurred_at as timestamp) as date) as day
    from read_csv('{folder}/orders/*.csv.gz', all_varchar = true, ignore_errors = true)
    where kind = 'sale' and try_cast(occurred_at as timestamp) is not null and product_id <> ''
"""
ONLINE_RETAIL = """
    select
        InvoiceNo as order_id, nullif(CustomerID, '') as customer_id,
        upper(trim(StockCode)) as product_id, cast(cast(InvoiceDate as timestamp) as date) as day
    from read_csv('{folder}/*.csv.gz', all_varchar = true)
    where cast(Quantity as double) > 0 and cast(UnitPrice as double) > 0
        and regexp_matches(StockCode, '^[0-9]{{5}}')
"""
MEMBERS = """
    create temporary view purchases as
    select distinct customer_id, day from lines where customer_id is not null
"""
PRODUCTS = "select count(*) as lines from lines group by product_id order by 1 desc"
CUSTOMERS = """
    select count(*) as lines from lines where customer_id is not null
    group by customer_id order by 1 desc
"""
LIFE = """
    with days as (
        select product_id, day, count(*) as lines, min(day) over (partition by product_id) as launch
        from lines group by product_id, day
    )
    select (day - launch) // 7 as place, sum(lines) as height
    from days
    where launch > (select min(day) + 60 from lines) and launch < (select max(day) - 140 from lines)
        and day < launch + 140
    group by 1 order by 1
"""
GAPS = """
    with gaps as (
        select day - lag(day) over (partition by customer_id order by day) as gap from purchases
    )
    select gap as place, count(*) as height from gaps where gap <= 182 group by 1 order by 1
"""
RETURNING = """
    with starts as (
        select customer_id, day from purchases where day <= (select max(day) - 182 from purchases)
    )
    select
        (later.day - starts.day + 6) // 7 as place,
        count(distinct (starts.customer_id, starts.day))
        / (select count(*) from starts) as height
    from starts inner join purchases as later
        on starts.customer_id = later.customer_id
        and later.day > starts.day and later.day <= starts.day + 182
    group by 1 order by 1
"""
WEEKDAYS = """
    select isodow(day) as place, count(*) / avg(count(*)) over () as height
    from lines group by 1 order by 1
"""
WEEKS = """
    with weeks as (
        select date_trunc('week', day) as week, count(*) as lines, count(distinct day) as days
        from lines group by 1
    )
    select weekofyear(week) as place, avg(lines) / avg(avg(lines)) over () as height from weeks
    where weekofyear(week) <= 52 and days >= 5 group by 1 order by 1
"""
REPEATS = """
    with orders as (
        select order_id, customer_id, min(day) as day,
            row_number() over (partition by customer_id order by min(day), order_id) as place
        from lines where customer_id is not null group by order_id, customer_id
    ),
    bought as (
        select orders.customer_id, orders.place, {product} as product_id
        from {lines} as lines inner join orders using (order_id)
    ),
    marked as (
        select place, place > min(place) over (partition by customer_id, product_id) as is_repeat
        from bought
    )
    select place, avg(is_repeat::int) as height from marked
    where place <= 25 group by 1 order by 1
"""
SHUFFLED = """(
    select places.order_id, goods.product_id from (
        select order_id, date_trunc('week', day) as week,
            row_number() over (partition by week order by hash(order_id, product_id)) as number
        from lines
    ) as places inner join (
        select product_id, date_trunc('week', day) as week,
            row_number() over (partition by week order by hash(product_id, order_id, 1)) as number
        from lines
    ) as goods using (week, number)
)"""


def read(query: str, folder: Path) -> "duckdb.DuckDBPyConnection":
    """Read a shop's raw sales into a table `lines` (order_id, customer_id, product_id, day).

    Raises
    ------
    BadInputError
        If there are none.
    """
    import duckdb

    connection = duckdb.connect()
    try:
        connection.execute(f"create table lines as {query.format(folder=folder)}")
    except duckdb.IOException as error:
        raise BadInputError(f"no sales can be read in {folder} ({error})") from None
    connection.execute(MEMBERS)
    return connection


def curves(shop: "duckdb.DuckDBPyConnection") -> dict[str, Curve]:
    """Compute every curve of one shop; heights are shares, or relative to the mean."""
    places = {
        name: shop.execute(query).df()
        for name, query in {
            "life": LIFE,
            "gaps": GAPS,
            "returning": RETURNING,
            "weekdays": WEEKDAYS,
            "weeks": WEEKS,
            "repeats": REPEATS.format(lines="lines", product="lines.product_id"),
            "control": REPEATS.format(lines=SHUFFLED, product="lines.product_id"),
        }.items()
    }
    lines = {name: _curve(frame) for name, frame in places.items()}
    for name in ("life", "gaps"):
        lines[name] = lines[name][0], lines[name][1] / lines[name][1].sum()
    ranked = {"products": PRODUCTS, "customers": CUSTOMERS}
    return lines | {name: _ranked(shop.execute(query).df()) for name, query in ranked.items()}


def _curve(frame: "pd.DataFrame") -> Curve:
    return frame["place"].to_numpy(), frame["height"].to_numpy(float)


def _ranked(frame: "pd.DataFrame") -> Curve:
    """Return the rank as a share of all, and the lines relative to the mean."""
    count = frame["lines"].to_numpy(float)
    return (np.arange(len(count)) + 1) / len(count), count / count.mean()


def draw(simulated: dict[str, Curve], real: dict[str, Curve], out: Path) -> None:
    """Draw eight panels, simulated beside real, as a PNG file."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 4, figsize=(19, 8.5), constrained_layout=True)
    for axis, (name, title, across, up, log) in zip(axes.flat, _PANELS, strict=True):
        for shop, label, colour in ((real, "online_retail", _REAL), (simulated, "simulated", _OWN)):
            axis.plot(*shop[name], color=colour, label=label, linewidth=1.6)
            if name == "repeats":
                axis.plot(*shop["control"], color=colour, linestyle=":", label=f"{label}, shuffled")
        axis.set(title=title, xlabel=across, ylabel=up)
        _scale(axis, log)
        axis.grid(alpha=0.25)
    axes.flat[-1].legend(frameon=False)
    axes.flat[0].legend(frameon=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=80, metadata={"Software": None})
    plt.close(figure)


_REAL, _OWN = "#555555", "#d1495b"
_PANELS = (
    ("products", "Popularity of products", "rank, share of all products", "lines / mean", "xy"),
    ("customers", "Activity of customers", "rank, share of all customers", "lines / mean", "xy"),
    ("life", "Life of a new product", "weeks since its first sale", "share of its sales", ""),
    ("gaps", "Days between purchase days", "days", "share", "xy"),
    ("returning", "Customers who come back", "weeks after a purchase day", "share buying", ""),
    ("weekdays", "The week", "Monday = 1", "lines / mean", "0"),
    ("weeks", "The year", "ISO week", "lines a week / mean", "0"),
    ("repeats", "Bought before", "order of the customer", "share of its lines", "1"),
)


def _scale(axis: Any, scale: str) -> None:
    if "x" in scale:
        axis.set_xscale("log")
    if "y" in scale:
        axis.set_yscale("log")
    else:
        axis.set_ylim(bottom=0, top=1 if "1" in scale else None)


@click.command()
@click.option("--retailer", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--online-retail", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False))
def main(retailer: Path, online_retail: Path, out: Path) -> None:
    """Draw the simulated retailer's curves beside online_retail's."""
    draw(curves(read(RETAILER, retailer)), curves(read(ONLINE_RETAIL, online_retail)), out)
    click.echo(f"drawn: {out}")


if __name__ == "__main__":
    main()
