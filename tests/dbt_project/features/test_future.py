"""Appending the future never changes the past: any question, asked of a prefix and of the whole,
up to the instant at which all of the prefix is readable.

Day functions are asked about the long shop: with a leap day, changes of the clock, empty days, a
customer with one order, and campaigns without a known stock. Window functions about the small one.
"""

import hashlib
from collections.abc import Iterable
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dbt_project import small_shop, test_features
from tests.dbt_project.conftest import MIDDLE as SMALL_MIDDLE
from tests.dbt_project.conftest import connected
from tests.dbt_project.features import long_shop
from tests.dbt_project.features.test_functions import CHOICES
from tests.dbt_project.reference import DAY_DELAY, MICROSECOND, WINDOW_DELAY
from tests.dbt_project.test_features import ask
from vitrine.feature_catalogue import FeatureModel, feature_models
from vitrine.interval import DAY, QUARTER_HOUR

EDGES = (long_shop.LEAP_DAY, long_shop.SPRING, *long_shop.CLOCK_CHANGES, long_shop.MIDDLE)
DAY_MODELS = [model for model in feature_models() if model.database == "daily"]
SECOND = timedelta(seconds=1)
WINDOW_MODELS = [model for model in feature_models() if model.database == "intraday"]
SMALL_CHOICES = {
    "campaign_id": test_features.CAMPAIGNS,
    "demographic_cluster": ["unknown", "female::FR", "male::FR", "unknown::FR", "nowhere"],
}


def instants(
    start: datetime, end: datetime, step: timedelta, delay: timedelta, edges: Iterable[datetime]
) -> st.SearchStrategy[datetime]:
    """Draw seconds, ends of days or windows, and the instants around which these are readable."""
    last = end + delay
    readable = [edge + after for edge in edges for after in (-MICROSECOND, 0 * DAY, delay)]
    return st.one_of(
        st.just(last),
        st.sampled_from([moment for moment in readable if moment <= last]),
        st.integers(1, int((last - start).total_seconds())).map(lambda s: start + s * SECOND),
        st.integers(1, (end - start) // step).map(lambda n: start + n * step),
    )


DAY_INSTANTS = instants(long_shop.START, long_shop.MIDDLE, DAY, DAY_DELAY, EDGES)
WINDOW_INSTANTS = instants(
    small_shop.START, SMALL_MIDDLE, QUARTER_HOUR, WINDOW_DELAY, [SMALL_MIDDLE]
)


@st.composite
def questions(
    draw: st.DrawFn,
    models: list[FeatureModel],
    moments: st.SearchStrategy[datetime],
    choices: dict[str, list[str]],
) -> dict[str, pd.DataFrame]:
    """Draw a spine for every function, of the same few instants."""
    few = draw(st.lists(moments, min_size=1, max_size=5, unique=True))
    spines = {}
    for model in models:
        keys = [st.sampled_from(choices[key]) for key in model.spine[:-1]]
        rows = st.tuples(*keys, st.sampled_from(few))
        spines[model.name] = pd.DataFrame(
            draw(st.lists(rows, min_size=1, max_size=8, unique=True)), columns=list(model.spine)
        )
    return spines


@contextmanager
def opened(*builds: dict[str, Path]):
    """Open the files of builds, each build by itself."""
    with ExitStack() as stack:
        readers = [contextmanager(connected)(files) for files in builds]
        yield [stack.enter_context(reader) for reader in readers]


def digest(connection, spines: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Hash every function's answers."""
    return {
        model: hashlib.sha256(
            repr(ask(connection, model, spine).to_dict("records")).encode()
        ).hexdigest()
        for model, spine in spines.items()
    }


def whole_spines(
    models: list[FeatureModel], choices: dict[str, list[str]], as_of: datetime
) -> dict[str, pd.DataFrame]:
    """Ask about everything at one instant."""
    spines = {}
    for model in models:
        keys = list(model.spine[:-1])
        rows = pd.MultiIndex.from_product([choices[key] for key in keys], names=keys)
        spines[model.name] = rows.to_frame(index=False).assign(as_of=as_of)
    return spines


def assert_same(prefix, whole, models, moments, choices, last: datetime) -> None:
    """Compare all answers at the last instant that the prefix knows, and some at any before."""
    for model, spine in whole_spines(models, choices, last).items():
        pd.testing.assert_frame_equal(ask(prefix, model, spine), ask(whole, model, spine))

    @given(questions(models, moments, choices))
    @settings(max_examples=12, deadline=None)
    def same(spines: dict[str, pd.DataFrame]) -> None:
        assert digest(prefix, spines) == digest(whole, spines)

    same()


def test_the_future_changes_no_answer_about_the_past(long_built, long_built_to_the_middle):
    with opened({"daily": long_built_to_the_middle}, {"daily": long_built}) as (prefix, whole):
        last = long_shop.MIDDLE + DAY_DELAY
        assert_same(prefix, whole, DAY_MODELS, DAY_INSTANTS, CHOICES, last)


def test_the_future_changes_no_answer_about_the_last_windows(built, built_to_the_middle):
    with opened(built_to_the_middle, built) as (prefix, whole):
        last = SMALL_MIDDLE + WINDOW_DELAY
        assert_same(prefix, whole, WINDOW_MODELS, WINDOW_INSTANTS, SMALL_CHOICES, last)


def test_the_control_a_question_about_the_future_is_answered_otherwise(
    long_built, long_built_to_the_middle
):
    asked = pd.DataFrame({"customer_id": CHOICES["customer_id"], "as_of": long_shop.END})
    with opened({"daily": long_built_to_the_middle}, {"daily": long_built}) as (prefix, whole):
        before, after = (digest(c, {"feat_customer": asked}) for c in (prefix, whole))
    assert before != after
