import pytest

from email_lists.composition import compose
from email_lists.mail.letter import of_customer
from vitrine.errors import BadArgumentError


@pytest.fixture(scope="module")
def composed(boutique, to_all):
    return compose(boutique, to_all, "daily")


def test_an_email_reads_like_one(composed):
    text = of_customer(composed.people, composed.exclusions, "anna", "EUR")
    assert text.startswith(
        "customer anna (loyal, FR, fr), to be sent at 2026-03-02 06:30 UTC\nproducts\n  1. "
    )
    assert "EUR  [popular_in_cluster] Popular with customers like you" in text
    assert "campaigns\n  1. brand 1, home  [liked_by_many] Liked by many" in text


def test_without_an_id_it_is_the_first_who_bought(composed):
    assert of_customer(composed.people, composed.exclusions, None, "EUR").startswith(
        "customer anna"
    )


def test_who_is_excluded_is_told_why(composed):
    text = of_customer(composed.people, composed.exclusions, "ida", "EUR")
    assert text == "ida is not written to: no_consent"


def test_an_unknown_customer_is_a_bad_argument(composed):
    with pytest.raises(BadArgumentError, match="no customer 'nobody'") as refusal:
        of_customer(composed.people, composed.exclusions, "nobody", "EUR")
    assert refusal.value.exit_code == 2


def test_an_empty_list_says_so(composed):
    nobody = composed.people.slice(0, 0)
    assert of_customer(nobody, composed.exclusions, None, "EUR") == "nobody is on the list"
