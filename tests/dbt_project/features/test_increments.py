"""The ledgers of the features are the same in one build and in two, across weeks and closings."""

from tests.dbt_project.conftest import connected

LEDGERS = (
    "int_bestsellers",
    "int_catalogue_prices",
    "int_closed_campaigns",
    "int_customer_email_ledger",
    "int_customer_favourite_sub_sector_ledger",
    "int_customer_purchase_ledger",
    "int_customer_taste_ledger",
    "int_customer_view_ledger",
    "int_product_mix_ledger",
)


def rows(file, ledger: str) -> list[tuple]:
    (found,) = [
        connection.execute(f"from daily.intermediate.{ledger} order by all").fetchall()
        for connection in connected({"daily": file})
    ]
    return found


def test_two_builds_give_what_one_gives(
    long_built, long_built_to_the_middle, long_built_in_two_parts
):
    for ledger in LEDGERS:
        whole, first = rows(long_built, ledger), rows(long_built_to_the_middle, ledger)
        assert rows(long_built_in_two_parts, ledger) == whole, ledger
        assert 0 < len(first) < len(whole), ledger
