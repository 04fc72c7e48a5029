"""Appending the future never changes the past: any question, asked of a prefix and of the whole.

Both are built from the same long shop: with a leap day, changes of the clock, empty days, a
customer with one order, and campaigns without a known stock.
"""

import hashlib
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dbt_project.conftest import connected
from tests.dbt_project.features import long_shop
from tests.dbt_project.features.conftest import MIDDLE
from tests.dbt_project.features.test_functions import CHOICES
from tests.dbt_project.test_features import ask
from vitrine.feature_catalogue import feature_models
from vitrine.interval import DAY

EDGES = [
    edge + after
    for edge in (long_shop.LEAP_DAY, long_shop.SPRING, *long_shop.CLOCK_CHANGES, MIDDLE)
    for after in (-timedelta(microseconds=1), 0 * DAY, timedelta(hours=3))
    if edge + after <= MIDDLE
]
MODELS = [model for model in feature_models() if model.database == "daily"]
SECONDS = int((MIDDLE - long_shop.START).total_seconds())

instants = st.one_of(
    st.sampled_from(EDGES),
    st.integers(1, SECONDS).map(lambda second: long_shop.START + timedelta(seconds=second)),
    st.integers(1, SECONDS // 86400).map(lambda day: long_shop.START + day * DAY),
)


@st.composite
def questions(draw: st.DrawFn) -> dict[str, pd.DataFrame]:
    """Draw a spine for every function, of the same few instants."""
    moments = draw(st.lists(instants, min_size=1, max_size=5, unique=True))
    spines = {}
    for model in MODELS:
        keys = [st.sampled_from(CHOICES[key]) for key in model.spine[:-1]]
        rows = st.tuples(*keys, st.sampled_from(moments))
        spines[model.name] = pd.DataFrame(
            draw(st.lists(rows, min_size=1, max_size=8, unique=True)), columns=list(model.spine)
        )
    return spines


@contextmanager
def opened(*files):
    """Open built files, each by itself."""
    with ExitStack() as stack:
        readers = [contextmanager(connected)({"daily": file}) for file in files]
        yield [stack.enter_context(reader) for reader in readers]


def digest(connection, spines: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Hash every function's answers."""
    return {
        model: hashlib.sha256(
            repr(ask(connection, model, spine).to_dict("records")).encode()
        ).hexdigest()
        for model, spine in spines.items()
    }


def test_the_future_changes_no_answer_about_the_past(long_built, long_built_to_the_middle):
    with opened(long_built_to_the_middle, long_built) as (prefix, whole):

        @given(questions())
        @settings(max_examples=12, deadline=None)
        def same(spines: dict[str, pd.DataFrame]) -> None:
            assert digest(prefix, spines) == digest(whole, spines)

        same()


def test_the_control_a_question_about_the_future_is_answered_otherwise(
    long_built, long_built_to_the_middle
):
    asked = pd.DataFrame({"customer_id": CHOICES["customer_id"], "as_of": long_shop.END})
    with opened(long_built_to_the_middle, long_built) as (prefix, whole):
        before, after = (digest(c, {"feat_customer": asked}) for c in (prefix, whole))
    assert before != after
