from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

from tests.training.sequence import chain_shop
from training.peers.articles import at_instant
from training.sequence import fitting
from training.sequence.encoder import SequenceEncoder, _inputs
from training.sequence.events import Activity, Events, Steps
from training.sequence.fitting import SequenceConfig, batches
from training.sequence.network import ArticleInputs, NetworkSize, NextOrder
from training.sequence.terms import Questions, Terms
from vitrine.errors import BadArgumentError, BadInputError

QUICK = replace(chain_shop.CONFIG, epochs=1)


def orders_of_several(customers: int, campaigns: int, seed: int) -> Activity:
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, int, float]] = []
    for customer in range(customers):
        for order in range(int(rng.integers(0, 5))):
            chosen = rng.choice(campaigns, int(rng.integers(1, 4)), replace=False)
            rows.extend((customer, int(campaign), 10.0 * (5 - order)) for campaign in chosen)
    customer_E, campaign_E, age_E = np.array(rows).T
    events = Events.of(chain_shop.AS_OF, customer_E.astype(np.int64), campaign_E.astype(np.int64),
                       age_E, np.ones(len(rows), dtype=bool), customers)  # fmt: skip
    ids = np.array(chain_shop.NAMES[:campaigns], dtype=object)
    return Activity(np.array([f"u{n}" for n in range(customers)], dtype=object), ids, events)


@pytest.mark.parametrize("answers", ["first", "order"])
def test_the_loss_counts_first_articles_from_the_state_before_them(answers):
    activity = orders_of_several(20, 6, seed=2)
    events, config = activity.events, replace(QUICK, answers=answers, batch_customers=8)
    described = chain_shop.articles(pd.DataFrame({"campaign_id": activity.campaign_ids}))
    # The first is sold from day 45 to day 15 before the instant, the second from day 25 on.
    days = np.array([[45, 15], [25, -np.inf], *[[np.inf, -np.inf]] * 4])
    inputs = replace(
        _inputs(activity.campaign_ids, activity.campaign_ids, described, config), sold_days_C2=days
    )
    torch.manual_seed(1)
    network = NextOrder(NetworkSize(6, config.buckets, config.width, config.hidden), 0.0).eval()
    running = fitting._Fitting(network, inputs, config, np.random.default_rng(0))
    terms = Terms(events, 6)
    total, weights, counted = 0.0, 0.0, 0
    for batch in batches(events, config, np.random.default_rng(0)):
        weight = float(batch.answers(answers).weight_A.sum())
        with torch.inference_mode():
            total += weight * float(running._loss(batch, terms))
        weights += weight
        counted += len(batch.row_Q)
    expected, orders = slow_loss(network, events, inputs, terms, answers)
    assert counted == orders
    assert total / weights == pytest.approx(expected, rel=1e-4)


def slow_loss(network, events, inputs, terms, answers):
    """Go through every order of every customer, with a run of the network for each."""
    losses, weights, orders = 0.0, 0.0, 0
    vectors = network.campaigns(inputs)
    for customer in range(events.customers):
        own = np.flatnonzero(events.customer_E == customer)
        for age in sorted(set(events.age_days_E[own].tolist()), reverse=True):
            order = own[events.age_days_E[own] == age]
            orders += 1
            known = replace(
                events,
                age_days_E=np.append(events.age_days_E[own[0] : order[0]], age) - age,
                campaign_E=np.append(events.campaign_E[own[0] : order[0]], 0),
                is_purchase_E=np.ones(order[0] - own[0] + 1, dtype=bool),
                as_of=events.as_of - pd.Timedelta(days=age),
            )
            count = order[0] - own[0]
            with torch.inference_mode():
                steps = Steps.of(known, np.array([0]), np.array([count]))
                state = network.states(steps, vectors)[0, count]
                asked = Questions(own[:1], order[:1], np.array([age]))
                term = torch.from_numpy(terms.matrix(asked, np.arange(len(inputs)))[0])
                score = vectors @ state + term @ network.weight_T
            chosen = order if answers == "order" else order[:1]
            opened, ended = inputs.sold_days_C2.T
            told = set(np.flatnonzero((opened >= age) & (ended < age)).tolist())
            told |= set(events.campaign_E[chosen].tolist())
            log = score - score[sorted(told)].logsumexp(dim=0)
            for event in chosen:
                losses -= float(log[events.campaign_E[event]]) * len(chosen) ** -0.5
                weights += len(chosen) ** -0.5
    return losses / weights, orders


def test_terms_look_back_beyond_the_steps():
    activity = orders_of_several(12, 6, seed=3)
    short = replace(QUICK, length=2)
    for batch in batches(activity.events, short, np.random.default_rng(0)):
        for start, end, step in zip(
            batch.questions.start_Q, batch.questions.end_Q, batch.step_Q, strict=True
        ):
            customer = activity.events.customer_E[end]
            assert start == np.flatnonzero(activity.events.customer_E == customer)[0]
            assert step <= 2


def encoder(config, seed=1):
    history = chain_shop.history(chain_shop.draw(has_pattern=True))
    described = chain_shop.articles(at_instant(history.campaign_ids, history.as_of))
    return SequenceEncoder.fit(Activity.of(history), described, config, seed)


def test_one_seed_gives_the_same_weights_and_another_gives_others():
    first, again, other = encoder(QUICK), encoder(QUICK), encoder(QUICK, seed=2)
    weights = [each.network.state_dict() for each in (first, again, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["out.weight"], weights[2]["out.weight"])


def test_the_number_of_threads_is_as_it_was():
    before = torch.get_num_threads()
    with fitting.one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_an_answer_may_be_told_from_a_few_drawn_campaigns():
    activity = orders_of_several(10, 6, seed=4)
    described = chain_shop.articles(pd.DataFrame({"campaign_id": activity.campaign_ids}))
    inputs = _inputs(activity.campaign_ids, activity.campaign_ids, described, QUICK)
    few = fitting._Fitting(
        NextOrder(NetworkSize(6, QUICK.buckets, QUICK.width, QUICK.hidden), 0.0),
        inputs,
        replace(QUICK, most_campaigns=2),
        np.random.default_rng(0),
    )
    for _ in range(10):
        told = few._told_from(np.array([5, 1, 5]))
        assert {1, 5} <= set(told.tolist())
        assert sorted(told) == told.tolist()
        assert len(told) <= 4
    losses = [
        few._loss(batch, Terms(activity.events, 6))
        for batch in batches(activity.events, QUICK, np.random.default_rng(0))
    ]
    assert all(0 < loss.item() < np.log(20) for loss in losses)


def test_settings_and_data_that_teach_nothing_are_refused():
    with pytest.raises(BadArgumentError, match="answers 'all' is unknown; known: first, order"):
        SequenceConfig(answers="all")
    codes, floats = np.zeros(0, np.int64), np.zeros(0, np.float32)
    nothing = Events.of(chain_shop.AS_OF, codes, codes, floats, codes.astype(bool), 0)
    words = sp.csr_matrix((0, QUICK.buckets), dtype=np.float32)
    inputs = ArticleInputs(codes, words, floats, np.zeros((0, 2)))
    with pytest.raises(BadInputError, match="needs purchases"):
        fitting.fit(nothing, inputs, QUICK, 1)
