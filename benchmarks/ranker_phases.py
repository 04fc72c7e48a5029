"""python -m benchmarks.ranker_phases PHASE SCALE DEVICE RUNS OUT: measure one part of the ranker.

A process for each part, so that its peak of memory is its own; figures go to OUT as JSON. Every
rate and time is the median of RUNS runs, peers in turn with ours.
"""

import copy
import gc
import json
import math
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from benchmarks import ranker_peers as peers
from benchmarks import ranker_rows as made
from training.checkpoint import Checkpoint
from training.ranker.boosting import Encoders
from training.ranker.checkpoint import digest
from training.ranker.config import RankerConfig
from training.ranker.dataset import Dataset, ExampleFrame
from training.ranker.features import Catalogue
from training.ranker.fitted import FittedRanker
from training.ranker.fitting import Loop, encoders_of, fit, scored
from training.ranker.model import Ranker
from training.ranker.sampling import Allowed, epoch_negatives
from training.ranker.streaming import State
from vitrine.errors import VitrineError

CUSTOMERS, CAMPAIGNS, KEPT = 1_370_000, 250, 12
PURCHASES = 31_800_000
GROUPS = 27_000
"""Of lists that examples are made for; each with the pool of `RankerConfig`."""
SAMPLED = 300_000
ARTICLES = 50_000
"""On sale at once at a large retailer that knows no campaigns."""
PRODUCTS = ("aten::mm", "aten::addmm", "aten::addmm_", "aten::bmm", "aten::mv", "aten::addmv")


def sampler(scale: float, device: torch.device, runs: int) -> dict[str, Any]:
    """Measure triplets per second of one core: drawn from what is on sale, and from pools."""
    groups, negatives = _scaled(SAMPLED, scale), RankerConfig().negatives
    figures: dict[str, list[float]] = {}
    for run in range(runs):
        rng = np.random.default_rng(run)
        for name, on_sale in (("campaigns", CAMPAIGNS), ("articles", ARTICLES)):
            figures.setdefault(name, []).append(_drawn(groups, on_sale, negatives, rng))
        figures.setdefault("pools", []).append(_pooled(groups, negatives, rng))
        week_G = np.zeros(groups, np.int64)
        bought = made.purchases(week_G, CAMPAIGNS, rng)
        matrix_UC = sp.csr_matrix((np.ones(len(bought[0]), np.float32), bought))
        figures.setdefault("implicit_bpr", []).append(peers.implicit_bpr_rate(matrix_UC, 3))
        figures.setdefault("torch_loop", []).append(
            peers.torch_factorisation_rate(groups, CAMPAIGNS, 6, device)
        )
    medians = {name: statistics.median(values) for name, values in figures.items()}
    return {**medians, "groups": groups, "negatives": negatives, "factors": peers.FACTORS}


def _drawn(groups: int, on_sale: int, negatives: int, rng: np.random.Generator) -> float:
    """Return triplets per second from purchases as they are read to their negatives."""
    week_G = np.sort(rng.integers(0, 100, groups))
    group_P, campaign_P = made.purchases(week_G, on_sale, rng)
    begun = time.perf_counter()
    allowed = Allowed.of(week_G * on_sale, np.full(groups, on_sale), group_P, campaign_P)
    drawn_PN = allowed.draw(group_P, negatives, rng)
    return drawn_PN.size / (time.perf_counter() - begun)


def _pooled(groups: int, negatives: int, rng: np.random.Generator) -> float:
    """Return triplets per second as every epoch draws them again from the groups' pools."""
    pool = RankerConfig().pool_size
    start_P = np.repeat(np.arange(groups) * (pool + 2), 2)
    count_P, size = np.full(len(start_P), pool), 0
    begun = time.perf_counter()
    for first in range(0, len(start_P), 1 << 14):
        part = slice(first, first + (1 << 14))
        size += epoch_negatives(start_P[part], count_P[part], negatives, rng).size
    return size / (time.perf_counter() - begun)


def training(scale: float, device: torch.device, runs: int) -> dict[str, Any]:
    """Measure each part of a fit, and the matrix products of an epoch; price a large retailer's.

    As in `fit`, the first network learns from what was drawn by chance, then ranks all examples,
    and the second learns from those that it finds likeliest.
    """
    catalogue, config = Catalogue.load(), RankerConfig()
    frame = made.examples(catalogue, _scaled(GROUPS, scale), CAMPAIGNS, config.pool_size, seed=1)
    begun = time.perf_counter()
    drawn = frame.thinned(config.uniform_size, seed=1)
    encoders = encoders_of(drawn, catalogue)
    data = Dataset.of(drawn, *encoders, device)
    encoded = time.perf_counter()
    first = _loop(data, encoders, config)
    epochs_s = _epochs_seconds(first, runs)
    begun_ranking = time.perf_counter()
    likely = _likely(frame, first, encoders, config)
    ranked = time.perf_counter()
    likely_data = Dataset.of(likely, *encoders, device)
    likely_encoded = time.perf_counter()
    second = _loop(likely_data, encoders, config)
    lists, second_rate = len(frame.as_of_G), len(likely.label_R) / _median_epoch(second, runs)
    costs = {
        "encoding_s": encoded - begun + likely_encoded - ranked,
        "first_epoch_s": epochs_s[1],
        "ranking_s": ranked - begun_ranking,
        # As if no list were left out: a network of a few short epochs finds few purchases.
        "second_epoch_s": lists * config.likely_size / second_rate,
    }
    products = _products(drawn, encoders, config, device)
    rates = {str(threads): len(drawn.label_R) / s for threads, s in epochs_s.items()}
    return {
        "lists": lists,
        "examples": len(frame.label_R),
        "drawn": len(drawn.label_R),
        "likely": len(likely.label_R),
        "purchases": int(frame.label_R.sum()),
        "batch_examples": len(drawn.label_R) * config.batch_groups // lists,
        **costs,
        "checkpoint_s": _checkpoint_seconds(first, encoders, config),
        "bytes_an_example": _bytes(frame, drawn, data) / len(frame.label_R),
        "examples_a_second": rates,
        "second_examples_a_second": second_rate,
        "sgemm_gflops": _sgemm(device),
        **products,
        "gflops": products["mflop_an_example"] * rates["1"] / 1e3,
        "retrain": _retrain(frame, config, costs, _bytes(frame, drawn, data)),
    }


def _loop(data: Dataset, encoders: Encoders, config: RankerConfig) -> Loop:
    torch.manual_seed(1)
    # As many epochs as the schedule may be asked for here.
    config = replace(config, epochs=100)
    return Loop(Ranker.new(*encoders, config).to(data.device), data, None, config, seed=1)


def _likely(
    frame: ExampleFrame, loop: Loop, encoders: Encoders, config: RankerConfig
) -> ExampleFrame:
    """Rank all examples by a network in training, on the processor as `fit` does."""
    network = copy.deepcopy(loop.network).cpu().eval()
    score_R = scored(FittedRanker(*encoders, config, network), frame)
    return frame.likeliest(score_R, config.likely_size)


def _epochs_seconds(loop: Loop, runs: int) -> dict[int, float]:
    """Return seconds of an epoch by the number of threads."""
    seconds = {}
    for threads in (1, 2) if loop.data.device.type == "cpu" else (1,):
        torch.set_num_threads(threads)
        seconds[threads] = _median_epoch(loop, runs if threads == 1 else 1)
    torch.set_num_threads(1)
    return seconds


def _median_epoch(loop: Loop, runs: int) -> float:
    return statistics.median(_epoch_seconds(loop) for _ in range(runs))


def _epoch_seconds(loop: Loop) -> float:
    peers.synchronize(loop.data.device)
    begun = time.perf_counter()
    loop.epoch()
    return time.perf_counter() - begun


def _checkpoint_seconds(loop: Loop, encoders: Encoders, config: RankerConfig) -> float:
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        key = digest(config, 1, encoders, loop.data)
        Checkpoint.of(Path(folder), key).write(loop.state())
    return time.perf_counter() - begun


def _products(
    frame: ExampleFrame, encoders: Encoders, config: RankerConfig, device: torch.device
) -> dict[str, float]:
    """Count the operations of matrix products, and take their share of the time of all kernels."""
    from torch.utils.flop_counter import FlopCounterMode

    few = frame.before(_instant_of(frame, 4_000))
    data = Dataset.of(few, *encoders, device)
    loop = _loop(data, encoders, replace(config, compiled=False))
    loop.epoch()
    with FlopCounterMode(display=False) as counter:
        loop.epoch()
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        loop.epoch()
    is_gpu = device.type == "cuda"
    times = {
        event.key: event.self_device_time_total if is_gpu else event.self_cpu_time_total
        for event in profile.key_averages()
    }
    return {
        "mflop_an_example": counter.get_total_flops() / len(few.label_R) / 1e6,
        "product_share": sum(times.get(name, 0.0) for name in PRODUCTS) / sum(times.values()),
    }


def _instant_of(frame: ExampleFrame, group: int) -> Any:
    from datetime import UTC

    last = frame.known_at_G[min(group, len(frame.as_of_G) - 1)]
    return (last + np.timedelta64(1, "D")).astype("datetime64[us]").item().replace(tzinfo=UTC)


def _sgemm(device: torch.device) -> dict[str, float]:
    rates = {}
    for threads in (1, 2) if device.type == "cpu" else (1,):
        torch.set_num_threads(threads)
        rates[f"{threads} threads" if threads > 1 else "1 thread"] = peers.sgemm_rate(
            device, 1024 if device.type == "cpu" else 8192, 1.0
        )
    torch.set_num_threads(1)
    if device.type == "cuda":
        rates["bfloat16"] = peers.sgemm_rate(device, 8192, 1.0, is_half=True)
    return rates


def _retrain(
    frame: ExampleFrame, config: RankerConfig, costs: Mapping[str, float], size: int
) -> dict[str, float]:
    """Carry what these lists took over to every purchase of a large retailer."""
    seconds = retrain_seconds(costs, config.epochs)
    times = PURCHASES / float(frame.label_R.sum())
    return {
        "purchases": PURCHASES,
        "examples": len(frame.label_R) * times,
        "epochs": config.epochs,
        "hours": seconds * times / 3600,
        "memory_gb": size * times / 1e9,
        "default_hours": seconds * config.max_groups / len(frame.as_of_G) / 3600,
    }


def retrain_seconds(costs: Mapping[str, float], epochs: int) -> float:
    """Return the seconds of two fits: one that is judged on the last week, one that serves."""
    epoch_s = costs["first_epoch_s"] + costs["second_epoch_s"]
    return 2 * (costs["encoding_s"] + costs["ranking_s"] + epochs * epoch_s)


def _bytes(frame: ExampleFrame, drawn: ExampleFrame, data: Dataset) -> int:
    """Return what a fit holds at once: all examples, those drawn of them, and their tensors."""
    sides = (data.customers, data.campaigns, data.pairs)
    tensors = [t for side in sides for t in (side.numeric_BF, side.codes_BK)]
    tables = (frame.customers, frame.campaigns, frame.pairs, drawn.pairs)
    arrays = [a for f in (frame, drawn) for a in (f.group_R, f.campaign_R, f.label_R)]
    return (
        sum(t.numel() * t.element_size() for t in [*tensors, data.campaign_R])
        + sum(int(table.memory_usage(deep=True).sum()) for table in tables)
        + sum(array.nbytes for array in arrays)
    )


def one(scale: float, device: torch.device, runs: int) -> dict[str, Any]:
    """Measure the latency of one customer's ranking, in milliseconds, on one core."""
    state = made.state(_ranker(), _scaled(50_000, scale), CAMPAIGNS, seed=1)
    asked = np.random.default_rng(2).integers(0, len(state.customers), _scaled(2_000, scale))
    for customer in asked[:20]:
        state.one(int(customer), KEPT)
    known = [_percentiles(lambda c: state.one(c, KEPT), asked) for _ in range(runs)]
    anew = [
        _percentiles(lambda c: state.with_campaigns(state.campaigns).one(c, KEPT), asked)
        for _ in range(runs)
    ]
    return {
        "customers": len(asked),
        "campaigns": CAMPAIGNS,
        "campaigns_known": _medians(known),
        "campaigns_anew": _medians(anew),
    }


def _percentiles(rank: Callable[[int], object], asked: np.ndarray) -> dict[str, float]:
    wall_ms, cpu_ms = [], []
    for customer in asked:
        begun, cpu_begun = time.perf_counter(), time.thread_time()
        rank(int(customer))
        wall_ms.append(1e3 * (time.perf_counter() - begun))
        # What other processes on the machine do is not in it.
        cpu_ms.append(1e3 * (time.thread_time() - cpu_begun))
    return {
        "p50": float(np.percentile(wall_ms, 50)),
        "p99": float(np.percentile(wall_ms, 99)),
        "cpu_p99": float(np.percentile(cpu_ms, 99)),
    }


def _medians(each: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in each) for name in each[0]}


def mass(scale: float, device: torch.device, runs: int) -> dict[str, Any]:
    """Measure the ranking of a large retailer's customers once, and its peers' several times."""
    customers, ranker = _scaled(CUSTOMERS, scale), _ranker()
    base = _memory_from_here()
    begun = time.perf_counter()
    state = made.state(ranker, customers, CAMPAIGNS, seed=1)
    prepared_s = time.perf_counter() - begun
    cpu_begun = time.process_time()
    seconds = _mass_seconds(state, threads=2)
    cpu_s = time.process_time() - cpu_begun
    peak = _memory("VmHWM")
    own = made.own_rows(state)
    del state
    theirs = {
        threads: [
            peers.implicit_recommend_seconds(customers, CAMPAIGNS, KEPT, threads)
            for _ in range(runs)
        ]
        for threads in (1, 2)
    }
    bare = [peers.bare_product_seconds(customers, CAMPAIGNS, KEPT, device) for _ in range(runs)]
    return {
        "customers": customers,
        "campaigns": CAMPAIGNS,
        "kept": KEPT,
        "own_rows": own,
        "made_s": prepared_s,
        "base_memory_bytes": base,
        "peak_memory_bytes": peak,
        "seconds": seconds,
        "cpu_s": cpu_s,
        "implicit_seconds": {str(t): statistics.median(values) for t, values in theirs.items()},
        "bare_seconds": statistics.median(bare),
    }


def _mass_seconds(state: State, threads: int) -> float:
    begun = time.perf_counter()
    customers = sum(len(part.list_B) for part in state.all(KEPT, threads))
    if customers != len(state.customers):
        raise RuntimeError(f"{customers} of {len(state.customers)} customers were ranked")
    return time.perf_counter() - begun


def _memory_from_here() -> int:
    """Forget the peak of this process until now; return the bytes that it holds."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(name: str) -> int:
    """Return what Linux says of this process: VmRSS, or VmHWM, its peak; bytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    if found is None:
        raise VitrineError(f"/proc/self/status has no {name}: Linux alone can be measured")
    return int(found[1]) * 1024


def _ranker() -> FittedRanker:
    catalogue = Catalogue.load()
    frame = made.examples(catalogue, 600, CAMPAIGNS, 30, seed=1)
    config = replace(RankerConfig(), epochs=3, batch_groups=16, learning_rate=1e-2, trees=0)
    return fit(frame, catalogue, config, seed=1).ranker


def _scaled(full: int, scale: float) -> int:
    return max(math.ceil(full * scale), 100)


PHASES = {"sampler": sampler, "training": training, "one": one, "mass": mass}

if __name__ == "__main__":
    phase, scale, device, runs, out = sys.argv[1:]
    torch.set_num_threads(1)
    measured = PHASES[phase](float(scale), torch.device(device), int(runs))
    Path(out).write_text(json.dumps(measured))
