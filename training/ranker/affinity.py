"""What purchases say about a customer and a campaign together, as of an instant.

The customer's own history with the campaign, and how near the campaign is to everything else that
the customer bought. The nearness is learnt (`item_models`) at the midnight before the instant, from
what had been received by then; the customer's purchases are those received before the instant. So
an example, a back-test and tonight's scores compute the same thing.

Shape legend: L lists, C campaigns asked about, R pairs of the two, U customers of the history,
K campaigns that the models know, X (customer, campaign) pairs that were ever bought.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import scipy.sparse as sp

from training.peers.articles import Articles, ArticleSource, DayAhead, at_instant
from training.peers.history import History
from training.ranker.content import Contents
from training.ranker.item_models import ItemModels, faded
from training.ranker.near_block import Alike, NearBlock
from training.ranker.pair_blocks import KeyedBlock
from training.ranker.past import Audience, Past
from training.ranker.wording import largest
from vitrine.affinities import CAMPAIGN, CONTENT, FEATURES, NEAR, OWN
from vitrine.interval import DAY, floor

FADES = (7, 30, 90)
BASKET_DAYS = 30
ALIKE_DAYS = 28
MOST_RECENT = 20_000
"""Customers among whom those most alike are looked for."""
MOST_ALIKE = 200
PRODUCTS = (
    ("faded", "ease_faded"),
    ("binary", "ease_binary"),
    ("lately", "ease_basket"),
    ("faded", "neighbours"),
    ("faded", "lift"),
    ("faded", "lift_recent"),
    ("last_basket", "lift"),
    ("last_basket", "next_basket"),
)
"""The first of `NEAR`: a weighting of the customer's purchases times a model's matrix."""
FIRST_DAYS = 56
FEW = 5.0
"""Orders and buyers that are added to a count before it is divided by."""


class Affinities:
    """Answers for any instant that a history covers.

    The models of one day and the affinity of one instant are kept: chunks ask for the same again.
    """

    def __init__(
        self, history: History, articles: ArticleSource, contents: Contents | None = None
    ) -> None:
        """Prepare; with contents there are the features of CONTENT, too."""
        self._features = FEATURES if contents is None else (*FEATURES, *CONTENT)
        articles = articles if contents is None else contents.beside(articles)
        self._history = history
        self._past = Past(history)
        self._customers = pd.Index(history.customer_ids)
        self._campaigns = pd.Index(history.campaign_ids)
        self._articles = articles
        self._day: datetime | None = None
        self._models: ItemModels | None = None
        self._last: tuple[datetime, Affinity] | None = None

    def at(self, as_of: datetime) -> "Affinity":
        """Return what had been received before an instant, with the models of its midnight."""
        if self._last is None or self._last[0] != as_of:
            known = self._history.before(as_of)
            models = self._models_of(floor(as_of, DAY))
            self._last = as_of, Affinity(known, models, self._articles, Audience.of(known))
        return self._last[1]

    def among(
        self, as_of: datetime, customer_ids: np.ndarray, articles: ArticleSource
    ) -> "Affinity":
        """Return the same for some customers alone: it costs what they and the newest bought."""
        asked_L = self._customers.get_indexer(customer_ids)
        newest_V = self._past.newest(as_of, ALIKE_DAYS, MOST_RECENT)
        known_U = np.union1d(asked_L[asked_L >= 0], newest_V)
        known = self._past.of_customers(known_U, as_of)
        own = known.where(np.isin(known_U, asked_L)[known.customer_P])
        models = self._models_of(floor(as_of, DAY))
        return Affinity(known, models, articles, self._past.audience(as_of), own)

    def _models_of(self, day: datetime) -> ItemModels | None:
        if day != self._day:
            known = self._history.before(day)
            self._day, self._models = day, ItemModels.fit(known, self._articles)
        return self._models

    def campaign_rows(self, campaigns: pd.DataFrame) -> pd.DataFrame:
        """Return `CAMPAIGN` of each (campaign_id, as_of), float32, in the given order."""
        instant_C, instants = pd.factorize(campaigns["as_of"], sort=True)
        found_CF = np.empty((len(campaigns), len(CAMPAIGN)), dtype=np.float32)
        for number, instant in enumerate(instants):
            rows = np.flatnonzero(instant_C == number)
            code_C = self._campaigns.get_indexer(campaigns["campaign_id"].iloc[rows])
            asked_N = np.unique(code_C[code_C >= 0])
            known, is_first_P = self._past.of_campaigns(asked_N, instant.to_pydatetime())
            ratios = np.stack([bought_first(known, is_first_P), bought_again(known)], axis=1)
            found_CF[rows] = np.where(code_C[:, None] >= 0, ratios[code_C], 0.0)
        return pd.DataFrame(found_CF, columns=[f.name for f in CAMPAIGN])

    def rows(
        self,
        customer_id_L: np.ndarray,
        campaigns: pd.DataFrame,
        list_R: np.ndarray,
        campaign_R: np.ndarray,
    ) -> pd.DataFrame:
        """Return all features of each pair as of its campaign's instant, float32.

        campaigns: campaign_id, as_of; the pairs are positions in the two.
        """
        instant_C, instants = pd.factorize(campaigns["as_of"], sort=True)
        instant_R = instant_C[campaign_R]
        campaign_id_C = campaigns["campaign_id"].to_numpy(object)
        found_RF = np.zeros((len(list_R), len(self._features)), dtype=np.float32)
        articles = DayAhead(self._articles, campaigns)
        for number, instant in enumerate(pd.DatetimeIndex(instants).to_pydatetime()):
            rows = np.flatnonzero(instant_R == number)
            list_T, asked_L = np.unique(list_R[rows], return_inverse=True)
            campaign_T, asked_C = np.unique(campaign_R[rows], return_inverse=True)
            # The lists of one instant come in chunks, those of many all at once.
            is_alone = len(instants) == 1
            customer_ids = customer_id_L[list_T]
            affinity = self.at(instant) if is_alone else self.among(instant, customer_ids, articles)
            of_instant = affinity.rows(customer_ids, campaign_id_C[campaign_T], asked_L, asked_C)
            found_RF[rows, : of_instant.shape[1]] = of_instant
        return pd.DataFrame(found_RF, columns=[f.name for f in self._features])


class Affinity:
    """`FEATURES`, and `CONTENT` where the models know it, of any pairs as of one instant."""

    def __init__(
        self,
        history: History,
        models: ItemModels | None,
        articles: ArticleSource,
        audience: Audience,
        own: History | None = None,
    ) -> None:
        """Prepare; `own` is the part of the customers that will be asked about, all by default."""
        own = history if own is None else own
        self._as_of = history.as_of
        self._articles = articles
        self._own = _Own.of(own)
        self._customers = pd.Index(history.customer_ids)
        self._campaigns = pd.Index(history.campaign_ids)
        self._near = None if models is None else _Near.of(history, own, models, audience)

    def rows(
        self,
        customer_id_L: np.ndarray,
        campaign_id_C: np.ndarray,
        list_R: np.ndarray,
        campaign_R: np.ndarray,
    ) -> np.ndarray:
        """Return float32 `[R, F]`, one row per pair of positions in the two.

        Without anything to learn from before the day there is no content either.
        """
        customer_L = self._customers.get_indexer(customer_id_L)
        campaign_C = self._campaigns.get_indexer(campaign_id_C)
        own_RF = self._own.rows(customer_L[list_R], campaign_C[campaign_R])
        width = len(NEAR if self._near is None else self._near.names)
        near_RF = np.zeros((len(list_R), width), dtype=np.float32)
        if self._near is not None:
            said = self._articles(at_instant(campaign_id_C, self._as_of))
            found = self._near.scores(customer_L, campaign_C, said)
            for number, scores_LC in enumerate(found):
                near_RF[:, number] = scores_LC[list_R, campaign_R]
        return np.concatenate([own_RF, near_RF], axis=1)

    def blocks(
        self, customer_id_L: np.ndarray, campaign_id_C: np.ndarray
    ) -> tuple[KeyedBlock, NearBlock | None]:
        """Return the same features prepared for chunks of customers and many campaigns.

        `OWN`, and `NEAR` where there was anything to learn from before the day.
        """
        customer_L = self._customers.get_indexer(customer_id_L)
        campaign_C = self._campaigns.get_indexer(campaign_id_C)
        own = self._own.block(customer_L, campaign_C)
        if self._near is None:
            return own, None
        said = self._articles(at_instant(campaign_id_C, self._as_of))
        return own, self._near.block(customer_L, campaign_C, said)


@dataclass(frozen=True)
class _Own:
    """The customers' own history with campaigns: `OWN` of each pair that was ever bought."""

    key_X: np.ndarray
    value_XF: np.ndarray
    width: int

    @classmethod
    def of(cls, history: History) -> "_Own":
        width = max(len(history.campaign_ids), 1)
        key_P = history.customer_P * width + history.campaign_P
        oldest_first = np.lexsort((-history.age_days_P, key_P))
        key_P, age_P = key_P[oldest_first], np.maximum(history.age_days_P[oldest_first], 0)
        since_P, orders_P = (each[oldest_first] for each in history.order_places())
        key_X, first_X, count_X = np.unique(key_P, return_index=True, return_counts=True)
        if not len(key_X):
            return cls(key_X, np.zeros((0, len(OWN)), np.float32), width)
        last_X = first_X + count_X - 1
        interval_X = (age_P[first_X] - age_P[last_X]) / np.maximum(count_X - 1, 1)
        ratio_X = age_P[last_X] / np.maximum(interval_X, 1.0)
        columns = (
            *(np.add.reduceat(np.exp(-age_P / days), first_X) for days in FADES),
            count_X / orders_P[last_X],
            since_P[last_X],
            age_P[first_X],
            np.where(count_X > 1, ratio_X, -1.0),
        )
        return cls(key_X, np.stack(columns, axis=1).astype(np.float32), width)

    def rows(self, customer_R: np.ndarray, campaign_R: np.ndarray) -> np.ndarray:
        """Return `[R, F]`; what was never bought holds the fills."""
        found_RF = np.tile(np.array([f.fill for f in OWN], np.float32), (len(customer_R), 1))
        if not len(self.key_X):
            return found_RF
        key_R = np.where(
            (customer_R < 0) | (campaign_R < 0), -1, customer_R * self.width + campaign_R
        )
        place_R = np.searchsorted(self.key_X, key_R).clip(max=len(self.key_X) - 1)
        is_own_R = self.key_X[place_R] == key_R
        found_RF[is_own_R] = self.value_XF[place_R[is_own_R]]
        return found_RF

    def block(self, customer_L: np.ndarray, campaign_C: np.ndarray) -> KeyedBlock:
        """Return the rows of these customers and campaigns, which are numbered from 0 there."""
        customer_X = _inverse(customer_L, self.key_X // self.width)
        campaign_X = _inverse(campaign_C, self.key_X % self.width)
        is_asked_X = (customer_X >= 0) & (campaign_X >= 0)
        return KeyedBlock.of(
            tuple(f.name for f in OWN),
            len(customer_L),
            customer_X[is_asked_X],
            campaign_X[is_asked_X],
            self.value_XF[is_asked_X],
            np.arange(len(campaign_C)),
        )


@dataclass(frozen=True)
class _Near:
    """Customers' purchases in four weightings, and what the models make of them."""

    models: ItemModels
    faded_UK: sp.csr_matrix
    binary_UK: sp.csr_matrix
    lately_UK: sp.csr_matrix
    last_basket_UK: sp.csr_matrix
    alike: "_Alike"

    @classmethod
    def of(cls, history: History, own: History, models: ItemModels, audience: Audience) -> "_Near":
        kept_K = models.kept_K
        faded_UK = faded(history)[:, kept_K]
        since_P, _ = own.order_places()
        lately_P = np.exp(-np.maximum(own.age_days_P, 0) / BASKET_DAYS)
        return cls(
            models,
            faded_UK,
            faded_UK.astype(bool).astype(np.float64),
            own.by_customer(lately_P)[:, kept_K],
            own.by_customer((since_P == 0).astype(np.float64))[:, kept_K],
            _Alike.of(history, faded_UK, kept_K, audience),
        )

    def scores(
        self, customer_L: np.ndarray, campaign_C: np.ndarray, articles: Articles
    ) -> Iterator[np.ndarray]:
        """Yield `[L, C]` of each feature in the order of `names`; 0 for what no model knows."""
        column_C = _positions(self.models.kept_K, campaign_C)
        is_known_C = column_C >= 0
        for scores_LC in self._of_columns(customer_L, np.maximum(column_C, 0)):
            yield np.where(is_known_C, scores_LC, 0.0)
        for like_KC in self._likenesses(articles):
            yield chosen(self.faded_UK, customer_L) @ like_KC**2
            yield largest(chosen(self.faded_UK, customer_L), like_KC)
            yield largest(chosen(self.last_basket_UK, customer_L), like_KC)

    @property
    def names(self) -> list[str]:
        """The features in their order."""
        return [f.name for f in (NEAR if self.models.content is None else (*NEAR, *CONTENT))]

    def _likenesses(self, articles: Articles) -> list[np.ndarray]:
        """Return what words say and, where they are known, what embeddings do: `[K, C]` each."""
        content = self.models.content
        by_words = self.models.wording.likeness(articles)
        return [by_words] if content is None else [by_words, content.likeness(articles)]

    def block(
        self, customer_L: np.ndarray, campaign_C: np.ndarray, articles: Articles
    ) -> NearBlock:
        """Return the same for many customers, with all that they share computed once."""
        column_C = _positions(self.models.kept_K, campaign_C)
        is_known_C, column_C = column_C >= 0, np.maximum(column_C, 0)
        bought = {
            name: chosen(rows_UK, customer_L).astype(np.float32)
            for name, rows_UK in self._weightings().items()
        }
        products = [
            (name, np.where(is_known_C, self.models.matrices[model][:, column_C], np.float32(0)))
            for name, model in PRODUCTS
        ]
        return NearBlock(
            names=tuple(self.names),
            bought=bought,
            products=products,
            factor_LD=self.models.factors(bought["faded"]),
            factor_DC=self.models.factorisation.item_factors[column_C].T.copy(),
            alike=self.alike.over(customer_L, column_C),
            likenesses=self._likenesses(articles),
            is_known_C=is_known_C,
        )

    def _weightings(self) -> dict[str, sp.csr_matrix]:
        return {
            "faded": self.faded_UK,
            "binary": self.binary_UK,
            "lately": self.lately_UK,
            "last_basket": self.last_basket_UK,
        }

    def _of_columns(self, customer_L: np.ndarray, column_C: np.ndarray) -> Iterator[np.ndarray]:
        weightings = self._weightings()
        for name, model in PRODUCTS:
            bought_LK = chosen(weightings[name], customer_L)
            yield bought_LK @ self.models.matrices[model][:, column_C]
        yield self.models.latent(chosen(self.faded_UK, customer_L))[:, column_C]
        yield self.alike.shares(customer_L)[:, column_C]


@dataclass(frozen=True)
class _Alike:
    """Customers as directions of what they bought, and what the recent ones bought lately."""

    direction_UK: sp.csr_matrix
    recent_V: np.ndarray
    bought_VK: sp.csr_matrix

    @classmethod
    def of(
        cls, history: History, faded_UK: sp.csr_matrix, kept_K: np.ndarray, audience: Audience
    ) -> "_Alike":
        is_recent_P = history.age_days_P <= ALIKE_DAYS
        recent = history.by_customer(is_recent_P.astype(np.float64))[:, kept_K]
        newest_first, place_V = np.unique(history.customer_P[is_recent_P][::-1], return_index=True)
        recent_V = np.sort(newest_first[np.argsort(place_V)[:MOST_RECENT]])
        rarity_K = np.log(audience.customer_count / (1.0 + audience.buyers_C[kept_K]))
        weighted = faded_UK @ sp.diags(np.maximum(rarity_K, 0.0))
        norm_U = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
        direction = sp.diags(1 / np.maximum(norm_U, 1e-9)) @ weighted
        return cls(direction.tocsr(), recent_V, recent[recent_V].astype(bool).astype(np.float32))

    def shares(self, customer_L: np.ndarray) -> np.ndarray:
        """Return the share of the likeness that bought each campaign, float32 `[L, K]`."""
        near = chosen(self.direction_UK, customer_L) @ self.direction_UK[self.recent_V].T
        alike_LV = near.toarray().astype(np.float32)
        alike_LV[customer_L[:, None] == self.recent_V[None, :]] = 0.0
        if alike_LV.shape[1] > MOST_ALIKE:
            least_L = np.partition(alike_LV, -MOST_ALIKE, axis=1)[:, -MOST_ALIKE]
            alike_LV[alike_LV < least_L[:, None]] = 0.0
        total_L = alike_LV.sum(axis=1, keepdims=True)
        shares: np.ndarray = (self.bought_VK.T @ alike_LV.T).T / (total_L + 1e-6)
        return shares

    def over(self, customer_L: np.ndarray, column_C: np.ndarray) -> Alike:
        """Return the same for customers and campaigns that are numbered from 0 there."""
        place_U = np.full(self.direction_UK.shape[0] + 1, -1)
        place_U[self.recent_V] = np.arange(len(self.recent_V))
        return Alike(
            chosen(self.direction_UK, customer_L).astype(np.float32),
            self.direction_UK[self.recent_V].T.tocsr().astype(np.float32),
            self.bought_VK[:, column_C].tocsr(),
            place_U[customer_L],
            MOST_ALIKE,
        )


def bought_first(history: History, is_first_P: np.ndarray) -> np.ndarray:
    """Return the share of each campaign's recent orders that were their customer's first."""
    is_recent_P = history.age_days_P <= FIRST_DAYS
    is_first_P = is_recent_P & is_first_P
    campaigns = len(history.campaign_ids)
    first_C, all_C = (
        np.bincount(history.campaign_P[is_kept_P], minlength=campaigns)
        for is_kept_P in (is_first_P, is_recent_P)
    )
    shares: np.ndarray = first_C / (all_C + FEW)
    return shares


def bought_again(history: History) -> np.ndarray:
    """Return the share of each campaign's buyers who bought it in more than one order."""
    counted = history.by_customer(np.ones(len(history.order_P)))
    again_C, all_C = ((counted > least).sum(axis=0) for least in (1, 0))
    shares: np.ndarray = np.asarray(again_C / (all_C + FEW)).ravel()
    return shares


def chosen(bought_UK: sp.csr_matrix, customer_L: np.ndarray) -> sp.csr_matrix:
    """Return the rows of customers, an empty one for -1."""
    is_known_L = (customer_L >= 0).astype(bought_UK.dtype)
    if not bought_UK.shape[0]:
        return sp.csr_matrix((len(customer_L), bought_UK.shape[1]), dtype=bought_UK.dtype)
    return (sp.diags(is_known_L) @ bought_UK[np.maximum(customer_L, 0)]).tocsr()


def _inverse(asked_N: np.ndarray, code_X: np.ndarray) -> np.ndarray:
    """Return where among the asked ones each code is, -1 where it is not."""
    place = np.full(int(max(asked_N.max(initial=0), code_X.max(initial=0))) + 1, -1)
    place[asked_N[asked_N >= 0]] = np.flatnonzero(asked_N >= 0)
    found: np.ndarray = place[code_X]
    return found


def _positions(sorted_K: np.ndarray, code_C: np.ndarray) -> np.ndarray:
    """Return where each code stands among the sorted ones, -1 where it does not."""
    place_C = np.searchsorted(sorted_K, code_C).clip(max=len(sorted_K) - 1)
    return np.where(sorted_K[place_C] == code_C, place_C, -1)
