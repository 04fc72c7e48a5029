"""From events to a fitted network: epochs over customers, articles of an order shuffled anew.

Shape legend: E events, U customers, B customers of a batch, S steps, D width of vectors,
C campaigns, N of them that a batch needs, K that an answer is told from, Q questions, A answers,
O orders, T terms.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.ranker.candidates import ranges
from training.sequence.events import Events, Steps
from training.sequence.network import ArticleInputs, NetworkSize, NextOrder
from training.sequence.terms import Questions, Terms
from vitrine.errors import BadArgumentError, BadInputError, DegenerateModelError

ANSWERS = ("first", "order")
LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class SequenceConfig:
    """Sizes and optimisation.

    Raises
    ------
    BadArgumentError
        If `answers` is unknown.
    """

    answers: str = "first"
    """first: the article that an order begins with in this epoch, as in the paper; order: all its
    articles, from the state before any of them, each weighing 1 / sqrt(articles). Over many epochs
    first counts each article of an order alike too; order gets there sooner, and ranks better."""
    length: int = 100
    """Customers with more events keep their last ones."""
    width: int = 32
    hidden: int = 32
    buckets: int = 1 << 13
    """Hashed words."""
    epochs: int = 8
    batch_customers: int = 64
    learning_rate: float = 5e-3
    weight_decay: float = 1e-4
    id_dropout: float = 0.1
    """Share of campaigns, drawn in each batch, that words alone describe."""
    most_campaigns: int = 8_192
    """An answer is told from all campaigns, or where there are more, from so many drawn ones."""

    def __post_init__(self) -> None:
        if self.answers not in ANSWERS:
            raise BadArgumentError(
                f"answers '{self.answers}' is unknown; known: {', '.join(ANSWERS)}"
            )


def fit(events: Events, inputs: ArticleInputs, config: SequenceConfig, seed: int) -> NextOrder:
    """Fit the network on one thread; the same seed gives the same weights.

    Raises
    ------
    BadInputError
        If no order can be asked for.
    DegenerateModelError
        If the loss is not finite.
    """
    if not len(events.asked(config.length)):
        raise BadInputError("a network of sequences needs purchases; there are none to learn from")
    with one_thread():
        torch.manual_seed(seed)
        size = NetworkSize(int(inputs.id_C.max()), config.buckets, config.width, config.hidden)
        network = NextOrder(size, config.id_dropout)
        loss = _Fitting(network, inputs, config, np.random.default_rng(seed)).run(events)
    if not np.isfinite(loss):
        raise DegenerateModelError(f"the loss of the sequence network became {loss}")
    return network.eval()


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: small steps on two are slower, and add up in another sequence."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@dataclass(frozen=True)
class _Fitting:
    network: NextOrder
    inputs: ArticleInputs
    config: SequenceConfig
    generator: np.random.Generator

    def run(self, events: Events) -> float:
        """Return the last epoch's mean loss."""
        config = self.config
        optimizer = torch.optim.AdamW(
            self.network.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )
        steps = -(-events.customers // config.batch_customers) * config.epochs
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, config.learning_rate, max(steps, 2)
        )
        self.network.train()
        losses: list[float] = []
        for _ in range(config.epochs):
            losses = self._epoch(events.shuffled(self.generator), optimizer, schedule)
        return float(np.mean(losses))

    def _epoch(
        self,
        events: Events,
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
    ) -> list[float]:
        terms, losses = Terms(events, len(self.inputs)), []
        for batch in batches(events, self.config, self.generator):
            loss = self._loss(batch, terms)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        return losses

    def _loss(self, batch: "Batch", terms: Terms) -> Tensor:
        """Return minus the mean log-probability of the answers among what was on sale."""
        answers = batch.answers(self.config.answers)
        told_K = self._told_from(answers.campaign_A)
        needed_N = np.union1d(told_K, batch.steps.campaign_BS[batch.steps.campaign_BS >= 0])
        vector_ND = self.network.campaigns(self.inputs[needed_N])
        state_BSD = self.network.states(batch.steps.renumbered(needed_N), vector_ND)
        state_QD = state_BSD[torch.from_numpy(batch.row_Q), torch.from_numpy(batch.step_Q)]
        vector_KD = vector_ND[torch.from_numpy(np.searchsorted(needed_N, told_K))]
        term_QKT = torch.from_numpy(terms.matrix(batch.questions, told_K))
        score_QK = state_QD @ vector_KD.T + term_QKT @ self.network.weight_T
        place_A = np.searchsorted(told_K, answers.campaign_A)
        is_told_QK = self.inputs[told_K].on_sale(batch.questions.age_days_Q)
        is_told_QK[answers.question_A, place_A] = True  # whatever the calendar says, it was sold
        log_QK = score_QK.masked_fill(torch.from_numpy(~is_told_QK), -torch.inf).log_softmax(dim=1)
        found_A = log_QK[torch.from_numpy(answers.question_A), torch.from_numpy(place_A)]
        weight_A = torch.from_numpy(answers.weight_A)
        return -(found_A @ weight_A) / weight_A.sum()

    def _told_from(self, campaign_A: np.ndarray) -> np.ndarray:
        """Return the campaigns that the answers are told from, sorted, themselves among them.

        The draw is uniform; Jean et al. (2015), On using very large target vocabulary, section 3.
        """
        if len(self.inputs) <= self.config.most_campaigns:
            return np.arange(len(self.inputs))
        drawn = self.generator.choice(len(self.inputs), self.config.most_campaigns, replace=False)
        return np.union1d(drawn, campaign_A)


@dataclass(frozen=True)
class Answers:
    """What came, for which question, and how much it weighs (float32)."""

    question_A: np.ndarray
    campaign_A: np.ndarray
    weight_A: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Some customers' steps, and the questions in them that an order answers."""

    events: Events
    steps: Steps
    row_Q: np.ndarray
    step_Q: np.ndarray
    questions: Questions

    @classmethod
    def of(
        cls,
        events: Events,
        span_B3: np.ndarray,
        row_Q: np.ndarray,
        event_Q: np.ndarray,
    ) -> "Batch":
        """Ask for the events `event_Q` of the customers at the rows `row_Q` of the spans.

        `span_B3` holds a customer's first event, the first one that has a step, and the end.
        Terms are cheap, so they look back to the very first.
        """
        first_B, start_B, end_B = span_B3.T
        questions = Questions(first_B[row_Q], event_Q, events.age_days_E[event_Q])
        steps = Steps.of(events, start_B, end_B)
        return cls(events, steps, row_Q, event_Q - start_B[row_Q], questions)

    def answers(self, which: str) -> Answers:
        """Return the first article of each order, or all of them."""
        event_Q = self.questions.end_Q
        size_Q = np.ones(len(event_Q), dtype=np.int64)
        if which == "order":
            end_O = np.append(np.flatnonzero(self.events.begins_E), len(self.events.begins_E))
            size_Q = end_O[np.searchsorted(end_O, event_Q, side="right")] - event_Q
        event_A = ranges(event_Q, size_Q)
        return Answers(
            np.repeat(np.arange(len(event_Q)), size_Q),
            self.events.campaign_E[event_A],
            np.repeat(size_Q**-0.5, size_Q).astype(np.float32),
        )


def batches(
    events: Events, config: SequenceConfig, generator: np.random.Generator
) -> Iterator[Batch]:
    """Yield customers of like lengths together, in a random sequence, each once."""
    (first_U, _), (start_U, end_U) = (
        events.spans(len(events.customer_E)),
        events.spans(config.length),
    )
    span_U3 = np.stack([first_U, start_U, end_U], axis=1)
    by_length = np.lexsort((generator.random(events.customers), end_U - start_U))
    event_Q = events.asked(config.length)
    asked_U = np.bincount(events.customer_E[event_Q], minlength=events.customers)
    question_U = np.cumsum(asked_U) - asked_U
    for first in generator.permutation(np.arange(0, events.customers, config.batch_customers)):
        customer_B = by_length[first : first + config.batch_customers]
        asked_B = asked_U[customer_B]
        if asked_B.any():
            yield Batch.of(
                events,
                span_U3[customer_B],
                np.repeat(np.arange(len(customer_B)), asked_B),
                event_Q[ranges(question_U[customer_B], asked_B)],
            )
