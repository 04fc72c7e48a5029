"""python -m benchmarks.classifier_phases PHASE SCALE DEVICE PRESET RUNS OUT: measure one part.

A process for each part, so that its memory is its own; figures go to OUT as JSON. Rates are medians
of RUNS runs, the plain loop in turn with ours.
"""

import gc
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import classifier_photographs as made
from benchmarks import ranker_peers
from benchmarks.classifier_peers import PlainLoop
from training.checkpoint import Checkpoint
from training.classifier import embeddings
from training.classifier.batches import Example, collate, encode
from training.classifier.catalogue import Product
from training.classifier.config import ClassifierConfig, preset_of
from training.classifier.fitting import Fit, fit
from training.classifier.images import ImageStore
from training.classifier.losses import TaskLoss
from training.classifier.model import ProductClassifier, new_encoder
from training.device import has_fast_bfloat16
from training.registry import ModelVersion
from vitrine.errors import VitrineError
from vitrine.interval import DAY, Interval
from vitrine.settings import REPOSITORY

WEEK = 80_000
"""New products in a week of the largest shop."""
EMBEDDED, TRAINED, PLAIN = 8_000, 2_400, 480
HELD = (1_000, 6_000)
"""Products of the two sizes at which memory is measured, both larger than what goes together."""
KILLED, KILLED_EPOCHS = 512, 6
SAMPLE_S = 0.005


@dataclass(frozen=True)
class Setting:
    """What is measured, where, how large and how often."""

    scale: float
    device: torch.device
    config: ClassifierConfig
    runs: int

    def count(self, full: int) -> int:
        """Return a number of products at this scale."""
        return max(math.ceil(full * self.scale), 12)


def training(it: Setting) -> dict[str, Any]:
    """Measure images a second of the product's loop beside a plain one, and the operations."""
    with _shop(it.count(TRAINED)) as (folder, products):
        store, decode_s = _decoded(folder, products, it.config)
        examples = encode(products, made.tasks(), it.config, store.get)
        few = products[: it.count(PLAIN)]
        loops: dict[str, Callable[[], float]] = {
            name: _loop(examples, config, it.device) for name, config in variants(it).items()
        }
        for workers in (0, os.cpu_count() or 1):
            plain = PlainLoop(few, made.tasks(), it.config, it.device, workers)
            loops[f"plain, {workers} workers"] = plain.rate
        begun = time.perf_counter()
        for rate in loops.values():
            rate()
        warm_up_s = time.perf_counter() - begun
        rates: dict[str, list[float]] = {name: [] for name in loops}
        for _ in range(it.runs):
            for name, rate in loops.items():
                rates[name].append(rate())
        file_kb = statistics.mean(made.file_bytes(few)) / 1e3
    return {
        "products": len(products),
        "plain_products": len(few),
        "views": made.VIEWS,
        "file_kb": file_kb,
        "decoded_a_second": len(products) * made.VIEWS / decode_s,
        "warm_up_s": warm_up_s,
        "images_a_second": {name: statistics.median(values) for name, values in rates.items()},
        **_operations(it, examples[: it.config.batch_size]),
    }


def variants(it: Setting) -> dict[str, ClassifierConfig]:
    """Return the settings that are measured, each the one before it and something more."""
    config = replace(it.config, epochs=100, patience=0, bfloat16=False, compiled=False)
    found = {"float32": config}
    if has_fast_bfloat16(it.device):
        found["bfloat16"] = replace(config, bfloat16=True)
    if it.device.type == "cuda":
        found["bfloat16, compiled"] = replace(config, bfloat16=True, compiled=True)
    return found


def _loop(
    examples: list[Example], config: ClassifierConfig, device: torch.device
) -> Callable[[], float]:
    """Return what trains for an epoch, as `fit` does, and returns images a second."""
    school = _school(examples, config, device)

    def rate() -> float:
        ranker_peers.synchronize(device)
        begun = time.perf_counter()
        # That reads what the epoch cost from the device, so it is over.
        return school.epoch() / (time.perf_counter() - begun)

    return rate


def _school(examples: list[Example], config: ClassifierConfig, device: torch.device) -> Fit:
    torch.manual_seed(1)
    model = ProductClassifier(config, made.tasks(), new_encoder(config)).to(device)
    # The plain loop has no other products to look at after an epoch either.
    return Fit(model, examples, examples[:1], seed=1)


def _operations(it: Setting, examples: list[Example]) -> dict[str, Any]:
    """Count the operations of the network for an image, and what the machine does of them."""
    from torch.utils.flop_counter import FlopCounterMode

    batch = collate(examples, it.config.image_size).to(it.device)
    config = replace(it.config, bfloat16=False, compiled=False)
    model = ProductClassifier(config, made.tasks(), new_encoder(config)).to(it.device)
    loss = TaskLoss(made.tasks()).to(it.device)
    with FlopCounterMode(display=False) as forward:
        costs, _ = loss(model(batch).logits_BS, batch)
    with FlopCounterMode(display=False) as backward:
        costs.sum().backward()
    views, size = len(batch.view_owner_V), 1024 if it.device.type == "cpu" else 8192
    sgemm = {"float32": ranker_peers.sgemm_rate(it.device, size, 1.0)}
    if has_fast_bfloat16(it.device):
        sgemm["bfloat16"] = ranker_peers.sgemm_rate(it.device, size, 1.0, is_half=True)
    return {
        "gflop_an_image": forward.get_total_flops() / views / 1e9,
        "gflop_an_image_trained": (forward.get_total_flops() + backward.get_total_flops())
        / views
        / 1e9,
        "gemm_gflops": sgemm,
    }


def embedding(it: Setting) -> dict[str, Any]:
    """Measure new products from their files to published vectors and attributes, once."""
    with _shop(it.count(EMBEDDED)) as (folder, products):
        base = _anonymous_bytes()
        with _peak() as peak:
            store, decode_s = _decoded(folder, products, it.config)
            publish_s = _published(folder, products, store, it)
    return {
        "products": len(products),
        "views": made.VIEWS,
        "decode_s": decode_s,
        "publish_s": publish_s,
        "base_bytes": base,
        "peak_bytes": peak(),
    }


def _published(folder: Path, products: list[Product], store: ImageStore, it: Setting) -> float:
    """Embed, label, check and publish; return seconds."""
    torch.manual_seed(1)
    model = ProductClassifier(it.config, made.tasks(), new_encoder(it.config))
    known = Interval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC) + DAY)
    version = ModelVersion("classifier", 1, "", known, {}, is_passed=True, files_sha256="")
    model.to(it.device).eval()
    begun = time.perf_counter()
    found = embeddings.publish(
        folder / "embeddings", model, version, products, store.get, known, keep=1
    )
    if found.computed_count != len(products):
        raise VitrineError(f"{found.computed_count} of {len(products)} products were embedded")
    return time.perf_counter() - begun


def memory(it: Setting) -> dict[str, Any]:
    """Measure the memory of training and of embedding at two sizes, each in a process."""
    sizes = [it.count(products) for products in HELD]
    return {
        name: [_in_process(f"memory_{name}", size / HELD[0], it) for size in sizes]
        for name in ("training", "embedding")
    }


def memory_training(it: Setting) -> dict[str, Any]:
    """Measure the memory of training on so many products for an epoch."""
    config = replace(it.config, epochs=100, patience=0, compiled=False)

    def train(folder: Path, products: list[Product]) -> None:
        store, _ = _decoded(folder, products, config)
        examples = encode(products, made.tasks(), config, store.get)
        _school(examples, config, it.device).epoch()

    return _held(train, it)


def memory_embedding(it: Setting) -> dict[str, Any]:
    """Measure the memory of embedding and publishing so many products."""

    def embed(folder: Path, products: list[Product]) -> None:
        store, _ = _decoded(folder, products, it.config)
        _published(folder, products, store, it)

    return _held(embed, it)


def _held(work: Callable[[Path, list[Product]], None], it: Setting) -> dict[str, Any]:
    """Return what some work takes at most beside libraries and products."""
    with _shop(it.count(HELD[0]), made.SMALL) as (folder, products):
        _school(
            random_examples(8, it.config), replace(it.config, compiled=False), it.device
        ).epoch()
        base = _anonymous_bytes()
        with _peak() as peak:
            work(folder, products)
    pixels = len(products) * made.VIEWS * 3 * it.config.image_size**2
    return {"products": len(products), "pixel_bytes": pixels, "bytes": peak() - base}


def resume(it: Setting) -> dict[str, Any]:
    """Kill a training, let it go on, and hold the result to that of one that was not killed."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Checkpoint(Path(folder) / "state.pt")
        done = _killed(kept, it)
        begun = time.perf_counter()
        resumed, curves = long_fit(it, kept)
        resumed_s = time.perf_counter() - begun
        checkpoint_bytes = kept.file.stat().st_size
    begun = time.perf_counter()
    whole, expected = long_fit(it, None)
    whole_s = time.perf_counter() - begun
    differences = [
        float((value.double() - resumed.state_dict()[name].double()).abs().max())
        for name, value in whole.state_dict().items()
    ]
    return {
        "products": it.count(KILLED),
        "epochs": KILLED_EPOCHS,
        "epochs_done": done,
        "resumed_s": resumed_s,
        "whole_s": whole_s,
        "checkpoint_mb": checkpoint_bytes / 1e6,
        "largest_difference": max(differences),
        "is_same": curves == expected and not any(differences),
    }


def _killed(kept: Checkpoint, it: Setting) -> int:
    """Kill a process when it has kept an epoch; return how many epochs it kept."""
    command = _command("long_fit", it.scale, it, kept.file)
    with subprocess.Popen(command, cwd=REPOSITORY) as process:
        while process.poll() is None and not kept.file.exists():
            time.sleep(SAMPLE_S)
        process.kill()
    state = kept.read(torch.device("cpu"))
    if state is None:
        raise VitrineError("the training ended before it had kept an epoch")
    return len(state["curves"]["loss"])


def long_fit(
    it: Setting, kept: Checkpoint | None
) -> tuple[ProductClassifier, dict[str, list[float]]]:
    """Train on random pixels, which cost as much as any."""
    # Compiling would take longer than all of it.
    config = replace(it.config, epochs=KILLED_EPOCHS, compiled=False)
    examples = random_examples(it.count(KILLED), config)
    return fit(config, made.tasks(), examples, examples[:12], it.device, 1, kept=kept)


def random_examples(count: int, config: ClassifierConfig) -> list[Example]:
    """Draw products with one view; the brighter, the higher the number of each class."""
    rng, size = np.random.default_rng(1), config.image_size
    return [_random_example(n / count, size, rng) for n in range(count)]


def _random_example(brightness: float, size: int, rng: np.random.Generator) -> Example:
    pixels = rng.integers(0, 1 + int(254 * brightness), (size, size, 3), np.uint8)
    labels = [(k, int(brightness * count)) for k, count in enumerate(made.CLASSES)]
    return Example((pixels,), rng.integers(0, 1000, 40), np.asarray(labels, np.int64))


@contextmanager
def _shop(
    count: int, size: tuple[int, int] = (made.WIDTH, made.HEIGHT)
) -> Iterator[tuple[Path, list[Product]]]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder), made.products(Path(folder) / "photographs", count, size)


def _decoded(
    folder: Path, products: list[Product], config: ClassifierConfig
) -> tuple[ImageStore, float]:
    """Decode all photographs into a store; return it, and seconds."""
    store = ImageStore(folder / "images", config.image_size)
    begun = time.perf_counter()
    refused = store.add(image for product in products for image in product.images)
    if refused:
        raise VitrineError(f"{len(refused)} photographs were refused")
    return store, time.perf_counter() - begun


@contextmanager
def _peak() -> Iterator[Callable[[], int]]:
    """Watch how much memory the process has to itself; give what returns the most, in bytes.

    Files that are mapped do not count: the system drops and reads them again as it likes.
    """
    gc.collect()
    found, is_over = [_anonymous_bytes()], threading.Event()

    def watch() -> None:
        while not is_over.wait(SAMPLE_S):
            found.append(max(found.pop(), _anonymous_bytes()))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: found[0]
    finally:
        is_over.set()
        thread.join()


def _anonymous_bytes() -> int:
    found = re.search(r"^RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    if found is None:
        raise VitrineError("/proc/self/status has no RssAnon: Linux alone can be measured")
    return int(found[1]) * 1024


def _in_process(phase: str, scale: float, it: Setting) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        subprocess.run(_command(phase, scale, it, out), cwd=REPOSITORY, check=True)
        found: dict[str, Any] = json.loads(out.read_text())
    return found


def _command(phase: str, scale: float, it: Setting, out: Path) -> list[str]:
    preset = "resnet50" if it.config.block == "bottleneck" else "cpu"
    words = [phase, str(scale), it.device.type, preset, str(it.runs), str(out)]
    return [sys.executable, "-m", "benchmarks.classifier_phases", *words]


PHASES = {"training": training, "embedding": embedding, "memory": memory, "resume": resume}
MEMORY = {"memory_training": memory_training, "memory_embedding": memory_embedding}
"""What `memory` starts."""


def main(phase: str, scale: str, device: str, preset: str, runs: str, out: str) -> None:
    """Measure one part, or be one of the processes that it starts."""
    torch.set_num_threads(1)
    config = replace(preset_of(preset), contrast_weight=0.0)
    it = Setting(float(scale), torch.device(device), config, int(runs))
    if phase == "long_fit":
        long_fit(it, Checkpoint(Path(out)))
    else:
        Path(out).write_text(json.dumps({**PHASES, **MEMORY}[phase](it)))


if __name__ == "__main__":
    main(*sys.argv[1:])
