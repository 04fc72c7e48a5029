"""The figures of `benchmarks.classifier` as a table, and as files under `benchmarks/results/`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.classifier_photographs import HEIGHT, WIDTH
from benchmarks.ranker_report import Aim

GB, MB, KB = 1e9, 1e6, 1e3
WEEK = 80_000
"""New products in a week of the largest shop."""
MOST_MINUTES = {"cpu": 60.0, "cuda": 15.0}
MOST_RUN_MINUTES = 8.0
MOST_GROWTH = 0.2
"""Of a product's decoded pixels: what one product more may take of memory."""


def table(figures: Mapping[str, Any]) -> str:
    """Return all figures as Markdown, the aims first."""
    lines = [*_head(figures), "", *_aims(figures)]
    parts = {"training": _training, "embedding": _embedding, "memory": _memory, "resume": _resume}
    for name, part in parts.items():
        if name in figures:
            lines += ["", *part(figures[name])]
    return "\n".join(lines) + "\n"


def _head(figures: Mapping[str, Any]) -> Iterator[str]:
    machine = figures["machine"]
    yield f"# Speed of the classifier: preset {figures['preset']}, scale {figures['scale']:g}"
    yield ""
    yield (
        f"{machine['cores']:.0f} cores, {machine['memory_bytes'] / GB:.0f} GB of memory, torch"
        f" {machine['torch']}, one thread; load average when it began: {machine['load']}. Medians"
        f" of {figures['runs']} runs where there are rates. Photographs are made up, {WIDTH} ×"
        f" {HEIGHT} pixels; the code is the product's."
    )
    yield ""
    yield (
        f"Networks computed on one {machine['gpu']}."
        if machine["gpu"]
        else "No GPU was available: everything ran on the CPU, and nothing is known of GPUs here."
    )


def _aims(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "## Aims"
    yield ""
    yield "| | aim | found | | how it is known |"
    yield "|---|---|---|---|---|"
    gpu = figures["machine"]["gpu"]
    if "training" in figures:
        yield _beside_plain(figures["training"]).row()
    if "embedding" in figures:
        yield _week(figures["embedding"], bool(gpu)).row()
    if "memory" in figures and figures["scale"] >= 1:
        for name in ("training", "embedding"):
            yield _growth(name, figures["memory"][name]).row()
    if "resume" in figures:
        yield _resumed(figures["resume"])
    phases = [name for name in ("training", "embedding", "memory", "resume") if name in figures]
    if figures["scale"] == 1 and len(phases) == 4:
        minutes = sum(figures[name]["phase_s"] for name in phases) / 60
        yield Aim("this whole run", MOST_RUN_MINUTES, minutes, "minutes", "measured").row()
    if not gpu:
        yield "| ResNet-50 in bfloat16 on a GPU | minutes | | **not measured** | no GPU was there |"


def _beside_plain(it: Mapping[str, Any]) -> Aim:
    ours, plain = _best(it, is_plain=False), _best(it, is_plain=True)
    return Aim(
        "training beside the same network in a plain loop", 1, ours[1] / plain[1], "times",
        f"measured in the same run: {_titled(ours[0])} beside {_titled(plain[0])}", is_least=True,
    )  # fmt: skip


def _titled(name: str) -> str:
    kind, _, count = name.removesuffix(" workers").partition("plain, ")
    if not count:
        return f"Vitrine in {kind}"
    where = "the same process" if count == "0" else f"{count} others"
    return f"a plain loop in float32, photographs decoded in {where}"


def _best(it: Mapping[str, Any], is_plain: bool) -> tuple[str, float]:
    rates = it["images_a_second"].items()
    of_kind = {name: rate for name, rate in rates if name.startswith("plain") == is_plain}
    name = max(of_kind, key=lambda name: of_kind[name])
    return name, of_kind[name]


def _week(it: Mapping[str, Any], on_gpu: bool) -> Aim:
    minutes = (it["decode_s"] + it["publish_s"]) * WEEK / it["products"] / 60
    how = "measured" if it["products"] == WEEK else f"extrapolated from {it['products']:,} products"
    limit = MOST_MINUTES["cuda" if on_gpu else "cpu"]
    words = f"{WEEK:,} new products of {it['views']} views: decoded, embedded, labelled, published"
    return Aim(words, limit, minutes, "minutes", how)


def _growth(name: str, sizes: Sequence[Mapping[str, Any]]) -> Aim:
    small, large = sizes
    products = large["products"] - small["products"]
    grown = (large["bytes"] - small["bytes"]) / products
    pixels = small["pixel_bytes"] / small["products"]
    return Aim(
        f"{name}: memory that one product more takes", pixels * MOST_GROWTH / KB, grown / KB, "kB",
        f"measured at {small['products']:,} and {large['products']:,} products; its pixels are"
        f" {pixels / KB:,.0f} kB",
    )  # fmt: skip


def _resumed(it: Mapping[str, Any]) -> str:
    found, verdict = "the same weights", "met"
    if not it["is_same"]:
        found, verdict = f"weights within {it['largest_difference']:.2g}", "**MISSED**"
    done = f"killed after {it['epochs_done']} of {it['epochs']} epochs"
    return f"| a killed training goes on | the same weights | {found} | {verdict} | {done} |"


def _training(it: Mapping[str, Any]) -> Iterator[str]:
    yield "## Training"
    yield ""
    yield "| | images a second |"
    yield "|---|---:|"
    for name, rate in it["images_a_second"].items():
        yield f"| {_titled(name)} | {rate:,.0f} |"
    yield ""
    yield (
        f"{it['products']:,} products of {it['views']} views from the store,"
        f" {it['plain_products']:,} of them from their files ({it['file_kb']:,.0f} kB each) in the"
        " plain loop: a torch DataLoader, in the same process or in as many others as there are"
        " cores, decodes every photograph each time; the network computes in float32. Vitrine"
        f" decoded each once, {it['decoded_a_second']:,.0f} a second. The first epoch, which is not"
        f" counted, took all of them {it['warm_up_s']:.0f} s."
    )
    yield ""
    yield from _bound(it)


def _bound(it: Mapping[str, Any]) -> Iterator[str]:
    yield "| the least that training an image takes | |"
    yield "|---|---:|"
    gflop = it["gflop_an_image_trained"]
    yield f"| GFLOP an image, forward alone | {it['gflop_an_image']:.3f} |"
    yield f"| GFLOP an image, forward and backward | {gflop:.3f} |"
    for number, rate in it["gemm_gflops"].items():
        # What is compiled computes in bfloat16 too.
        ours = max(r for name, r in it["images_a_second"].items() if name.startswith(number))
        yield f"| products of matrices in {number}, GFLOP/s | {rate:,.0f} |"
        yield f"| so at most so many images a second | {rate / gflop:,.0f} |"
        yield f"| of which Vitrine reaches | {ours * gflop / rate:.0%} |"


def _embedding(it: Mapping[str, Any]) -> Iterator[str]:
    photographs = it["products"] * it["views"]
    yield f"## {it['products']:,} new products, {it['views']} views each"
    yield ""
    yield "| | seconds | photographs a second |"
    yield "|---|---:|---:|"
    rows = {
        "photographs checked, decoded, stored": it["decode_s"],
        "embedded, labelled, checked, published": it["publish_s"],
    }
    for title, seconds in rows.items():
        yield f"| {title} | {seconds:.1f} | {photographs / seconds:,.0f} |"
    yield ""
    yield (
        f"Memory of its own: {it['base_bytes'] / MB:,.0f} MB before, at most"
        f" {it['peak_bytes'] / MB:,.0f} MB meanwhile. Files that are mapped, which the system may"
        " drop at any time, are not in it."
    )


def _memory(it: Mapping[str, Any]) -> Iterator[str]:
    yield "## Memory"
    yield ""
    yield "| products | their pixels | training for an epoch | embedding and publishing |"
    yield "|---:|---:|---:|---:|"
    for training, embedding in zip(it["training"], it["embedding"], strict=True):
        sizes = (training["pixel_bytes"], training["bytes"], embedding["bytes"])
        cells = " | ".join(f"{size / MB:,.0f} MB" for size in sizes)
        yield f"| {training['products']:,} | {cells} |"
    yield ""
    yield "What a process takes beside its libraries, the products' rows and a first small fit."


def _resume(it: Mapping[str, Any]) -> Iterator[str]:
    yield "## A training that is killed"
    yield ""
    yield (
        f"{it['products']:,} products, {it['epochs']} epochs: {it['whole_s']:.1f} s without a kill."
        f" Killed after {it['epochs_done']} and started again, it took {it['resumed_s']:.1f} s to"
        f" the end. Its state is {it['checkpoint_mb']:.0f} MB, written after each epoch."
    )
