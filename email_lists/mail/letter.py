"""One customer's e-mail as plain text, with the reason of every line; without the address."""

from typing import Any

import pyarrow as pa

from email_lists.frames import select
from email_lists.mail.texts import reason
from vitrine.errors import BadArgumentError

_FIRST = "select * from people order by not has_history, customer_id limit 1"
_ONE = "select * from people where customer_id = $customer"


def of_customer(people: pa.Table, exclusions: pa.Table, customer: str | None, currency: str) -> str:
    """Write what one customer is shown, or why nothing.

    Without `customer` it is the first, by id, who bought before.

    Raises
    ------
    BadArgumentError
        If the customer was not known as of the list.
    """
    if customer is None:
        found = select(_FIRST, people=people).to_pylist()
        return _letter(found[0], currency) if found else "nobody is on the list"
    found = select(_ONE, {"customer": customer}, people=people).to_pylist()
    if found:
        return _letter(found[0], currency)
    excluded = select(_ONE, {"customer": customer}, people=exclusions).to_pylist()
    if not excluded:
        raise BadArgumentError(f"no customer '{customer}' was known as of this list")
    return f"{customer} is not written to: {excluded[0]['exclusion']}"


def _letter(person: dict[str, Any], currency: str) -> str:
    head = (
        f"customer {person['customer_id']} ({person['segment']}, {person['country']},"
        f" {person['language']}), to be sent at {person['send_at']:%Y-%m-%d %H:%M} UTC"
    )
    lines = [head, "products"]
    lines += [
        f"  {p['position']}. {p['name']}, {p['brand']}: {p['price']:.2f} {currency}"
        f"  [{p['reason']}] {reason('en', p)}"
        for p in person["products"]
    ]
    lines += ["campaigns"]
    lines += [
        f"  {c['rank']}. {c['name']}, {c['sector']}  [{c['reason']}] {reason('en', c)}"
        for c in person["campaigns"]
    ]
    return "\n".join(lines)
