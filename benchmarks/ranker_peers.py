"""What the ranker's speed is held against: implicit, plain torch, and bare matrix products."""

import time
from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
import torch
from torch.nn import functional as F

FACTORS = 64
BATCH = 1 << 16


def sgemm_rate(device: torch.device, size: int, seconds: float, is_half: bool = False) -> float:
    """Return the GFLOP/s of square matrix products, in float32 or bfloat16."""
    dtype = torch.bfloat16 if is_half else torch.float32
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    left @ right
    synchronize(device)
    begun, products = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        for _ in range(5):
            left @ right
        synchronize(device)
        products += 5
    return 2 * size**3 * products / (time.perf_counter() - begun) / 1e9


def implicit_bpr_rate(bought_UC: sp.csr_matrix, epochs: int) -> float:
    """Return steps per second of implicit's BPR on one thread: a negative and an update each."""
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        FACTORS, iterations=epochs, num_threads=1, random_state=1, verify_negative_samples=True
    )
    begun = time.perf_counter()
    model.fit(bought_UC, show_progress=False)
    return bought_UC.nnz * epochs / (time.perf_counter() - begun)


def torch_factorisation_rate(
    users: int, campaigns: int, batches: int, device: torch.device
) -> float:
    """Return triplets per second of a plain loop: look up three rows, BPR loss, sparse SGD."""
    tables = [torch.nn.Embedding(n, FACTORS, sparse=True).to(device) for n in (users, campaigns)]
    optimizer = torch.optim.SGD([table.weight for table in tables], lr=0.05)
    generator = torch.Generator(device).manual_seed(1)
    begun = time.perf_counter()
    for _ in range(batches):
        user_B, positive_B, negative_B = (
            torch.randint(n, (BATCH,), generator=generator, device=device)
            for n in (users, campaigns, campaigns)
        )
        difference_BD = tables[1](positive_B) - tables[1](negative_B)
        loss = -F.logsigmoid((tables[0](user_B) * difference_BD).sum(dim=1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    synchronize(device)
    return batches * BATCH / (time.perf_counter() - begun)


def implicit_recommend_seconds(customers: int, campaigns: int, count: int, threads: int) -> float:
    """Return the time of implicit's recommend for all customers, from factors that are there."""
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(FACTORS, num_threads=threads)
    generator = np.random.default_rng(1)
    model.user_factors = generator.standard_normal((customers, FACTORS), np.float32)
    model.item_factors = generator.standard_normal((campaigns, FACTORS), np.float32)
    begun = time.perf_counter()
    for part in _parts(customers, 1 << 14):
        model.recommend(np.arange(customers)[part], None, N=count, filter_already_liked_items=False)
    return time.perf_counter() - begun


def bare_product_seconds(customers: int, campaigns: int, count: int, device: torch.device) -> float:
    """Return the time of a 64-wide matrix product and torch's top N, customers in parts."""
    customer_LD = torch.randn(customers, FACTORS).to(device)
    campaign_DC = torch.randn(FACTORS, campaigns).to(device)
    begun = time.perf_counter()
    for part in _parts(customers, 1 << 11):
        torch.topk(customer_LD[part] @ campaign_DC, count, dim=1)
    synchronize(device)
    return time.perf_counter() - begun


def synchronize(device: torch.device) -> None:
    """Wait until a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _parts(rows: int, step: int) -> Iterator[slice]:
    return (slice(first, first + step) for first in range(0, rows, step))
