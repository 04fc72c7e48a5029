import numpy as np

from vitrine.simulator.retailer.registers import MAIL_KINDS

DAYS = range(600, 640)


def test_who_joins_registers_shortly_before_the_first_order(history):
    shop, registers = history.book.shop, history.book.registers
    for day in DAYS:
        sold = history.book.orders.sales(day)
        joined = registers.registrations(day, sold)
        assert joined["customer"].tolist() == list(
            range(shop.customers_by(day - 1), shop.customers_by(day))
        )
        for who, at in zip(joined["customer"], joined["signed_up_at"], strict=True):
            first = sold["occurred_at"][sold["customer"] == who].min(initial=2**40)
            assert shop.midnight(day) <= at <= first
    founders = registers.registrations(0, history.book.orders.sales(0))
    assert (founders["signed_up_at"][: shop.founding_customers] < shop.midnight(0)).all()


def test_a_permission_is_taken_back_once_by_who_gave_it_and_ends_the_mail(history):
    registers, people = history.book.registers, history.book.customers
    sold = history.book.orders.sales(DAYS[0])
    gone: list[int] = []
    for day in DAYS:
        consents = registers.consents(day, registers.registrations(day, sold))
        gone += consents["customer"][consents["is_withdrawn"]].tolist()
        written_to = registers.mail(day)["customer"]
        assert people.allows_email_N[written_to].all()
        assert not set(written_to) & set(gone)
        assert set(registers.suppressions(day)["customer"]) <= set(gone)
    assert gone
    assert len(set(gone)) == len(gone)
    assert people.allows_email_N[gone].all()


def test_only_what_was_sent_is_opened_and_only_what_was_opened_is_clicked(history):
    mail = history.book.registers.mail(DAYS[0])
    sent, opened, clicked = (
        dict(zip(mail["message"][mask], mail["occurred_at"][mask], strict=True))
        for mask in (mail["kind"] == n for n in range(len(MAIL_KINDS)))
    )
    assert len(sent) > 20
    assert all(sent[message] < at for message, at in opened.items())
    assert all(opened[message] < at for message, at in clicked.items())


def test_a_price_is_sent_when_it_is_new_or_another_than_yesterday(history):
    registers, layout = history.book.registers, history.book.orders.layout
    launch = history.book.products.launch_P
    for day in (*DAYS, 120, 121, 122):
        sent = registers.prices(day)
        today, yesterday = layout.shelf(day), layout.shelf(day - 1)
        is_new = launch == day
        has_changed = (today.weight_P > 0) & (today.cents_P != yesterday.cents_P)
        assert sent["product"].tolist() == np.flatnonzero(is_new | has_changed).tolist()
        assert (sent["cents"] == today.cents_P[sent["product"]]).all()


def test_stock_is_counted_for_what_is_offered_and_sometimes_gone(history):
    counted = [history.book.registers.stock(day) for day in DAYS]
    quantity = np.concatenate([day["quantity"] for day in counted])
    assert quantity.min() == 0
    assert (quantity > 0).mean() > 0.5
    offered = history.book.orders.layout.shelf(DAYS[-1]).weight_P > 0
    assert offered[counted[-1]["product"]].all()
    assert len(counted[-1]["product"]) == offered.sum()
