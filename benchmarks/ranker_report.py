"""The figures of `benchmarks.ranker` as a table, and as files under `benchmarks/results/`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MILLION, GB = 1e6, 1e9
LEAST_TRIPLETS = 5e6
MOST_MS = 10.0
MOST_SECONDS, MOST_BYTES = 120.0, 8 * GB
NIGHT_HOURS = 10.0
MOST_GPU_HOURS, MOST_RUN_MINUTES = 1.0, 8.0


@dataclass(frozen=True)
class Aim:
    """What a large retailer needs, what was found for it, and how that is known."""

    words: str
    limit: float
    found: float
    unit: str
    how: str
    is_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the found value keeps the limit."""
        return self.found >= self.limit if self.is_least else self.found <= self.limit

    def row(self) -> str:
        """Return a row of the table of aims."""
        bound = "at least" if self.is_least else "at most"
        verdict = "met" if self.is_met else "**MISSED**"
        limit, found = f"{bound} {self.limit:.3g} {self.unit}", f"{self.found:,.1f} {self.unit}"
        return f"| {self.words} | {limit} | {found} | {verdict} | {self.how} |"


def table(figures: Mapping[str, Any], scale: float) -> str:
    """Return all figures as Markdown, the aims first."""
    lines = [*_head(figures, scale), "", *_aims(figures, scale)]
    parts = {"sampler": _sampler, "training": _training, "one": _one, "mass": _mass}
    for name, part in parts.items():
        if name in figures:
            lines += ["", *part(figures[name])]
    return "\n".join(lines) + "\n"


def _head(figures: Mapping[str, Any], scale: float) -> Iterator[str]:
    machine = figures["machine"]
    yield f"# Speed of the ranker: {scale:g} of a large retailer"
    yield ""
    yield (
        f"{machine['cores']:.0f} cores, {machine['memory_bytes'] / GB:.0f} GB of memory, torch"
        f" {machine['torch']}; load average when it began: {machine['load']}. Medians of"
        f" {figures['runs']} runs; feature values are made up, sizes and code are real."
    )
    yield ""
    yield (
        f"Networks trained on one {machine['gpu']}."
        if machine["gpu"]
        else "No GPU was available: everything ran on the CPU, and nothing is known of GPUs here."
    )


def _aims(figures: Mapping[str, Any], scale: float) -> Iterator[str]:
    yield "## Aims"
    yield ""
    yield "| for a large retailer | aim | found | | how it is known |"
    yield "|---|---|---|---|---|"
    parts = {"sampler": _sampler_aims, "training": _training_aims, "one": _one_aims,
             "mass": _mass_aims}  # fmt: skip
    for name, part in parts.items():
        if name in figures:
            for aim in part(figures, scale):
                yield aim.row()
    if scale == 1 and all(name in figures for name in parts):
        seconds = sum(figures[name]["phase_s"] for name in parts)
        yield Aim("this whole run", MOST_RUN_MINUTES, seconds / 60, "minutes", "measured").row()
    if not figures["machine"]["gpu"]:
        yield "| a full retrain on one GPU | minutes | | **not measured** | no GPU was there |"


def _sampler_aims(figures: Mapping[str, Any], scale: float) -> Iterator[Aim]:
    it = figures["sampler"]
    least, how = min(it["campaigns"], it["articles"]), f"measured on {it['groups']:,} lists"
    yield Aim("triplets drawn a second, one core", LEAST_TRIPLETS / MILLION, least / MILLION,
              "million", how, is_least=True)  # fmt: skip


def _training_aims(figures: Mapping[str, Any], scale: float) -> Iterator[Aim]:
    it, gpu = figures["training"], figures["machine"]["gpu"]
    retrain, how = it["retrain"], f"extrapolated from the parts of a fit on {it['lists']:,} lists"
    where, limit = ("one GPU", MOST_GPU_HOURS) if gpu else ("the processor", NIGHT_HOURS)
    yield Aim(
        f"a full retrain on every purchase, {retrain['epochs']} epochs of both networks, {where}",
        limit,
        retrain["hours"],
        "hours",
        how,
    )
    yield Aim(
        "memory for its examples, all at once",
        figures["machine"]["memory_bytes"] / GB,
        retrain["memory_gb"],
        "GB",
        f"extrapolated from {it['bytes_an_example']:.0f} bytes an example; not run",
    )
    yield Aim(
        f"the daily retrain as it is, on the newest lists, {where}",
        limit,
        retrain["default_hours"],
        "hours",
        how,
    )


def _one_aims(figures: Mapping[str, Any], scale: float) -> Iterator[Aim]:
    it = figures["one"]
    yield Aim(
        f"one customer × {it['campaigns']} campaigns, p99, all encoded anew, one core",
        MOST_MS,
        it["campaigns_anew"]["p99"],
        "ms",
        f"measured for {it['customers']:,} customers",
    )


def _mass_aims(figures: Mapping[str, Any], scale: float) -> Iterator[Aim]:
    it, whole, how = figures["mass"], 1 / scale, "measured"
    if scale < 1:
        how = f"extrapolated from {it['customers']:,} customers"
    # What the process held before, such as its libraries, is the same at any size.
    base = it["base_memory_bytes"]
    size = base + (it["peak_memory_bytes"] - base) * whole
    seconds = it["seconds"] * whole
    yield Aim("everybody's first 12, 2 cores", MOST_SECONDS, seconds, "seconds", how)
    yield Aim("memory for it", MOST_BYTES / GB, size / GB, "GB", how)


def _sampler(it: Mapping[str, Any]) -> Iterator[str]:
    yield "## Sampler, one core"
    yield ""
    yield "| | million a second |"
    yield "|---|---:|"
    drawn = "triplets: negatives on sale and not in that order, exclusions indexed,"
    rows = {
        "campaigns": f"{drawn} 250 on sale",
        "articles": f"{drawn} 50,000 on sale",
        "pools": "triplets of an epoch, from the groups' pools",
        "implicit_bpr": f"implicit's BPR steps, {it['factors']} factors",
        "torch_loop": f"plain torch matrix factorisation, {it['factors']} factors",
    }
    for name, title in rows.items():
        yield f"| {title} | {it[name] / MILLION:.2f} |"
    yield ""
    yield "A step of implicit and of plain torch also updates three vectors, a draw does not."


def _training(it: Mapping[str, Any]) -> Iterator[str]:
    yield "## Training"
    yield ""
    rates = it["examples_a_second"]
    sgemm = ", ".join(f"{rate:,.0f} ({name})" for name, rate in it["sgemm_gflops"].items())
    share = it["gflops"] / next(iter(it["sgemm_gflops"].values()))
    rows = {
        "examples, purchases among them": f"{it['examples']:,}, {it['purchases']:,}",
        "of them drawn for the first network, likely for the second": (
            f"{it['drawn']:,}, {it['likely']:,}"
        ),
        "examples a second, first network": ", ".join(
            f"{rate:,.0f} ({threads} thread{'s' * (threads != '1')})"
            for threads, rate in rates.items()
        ),
        "examples a second, second network": f"{it['second_examples_a_second']:,.0f}",
        "examples a second, ranking in between": f"{it['examples'] / it['ranking_s']:,.0f}",
        "share of the kernels' time in matrix products": f"{it['product_share']:.0%}",
        "GFLOP/s of an epoch, products alone": f"{it['gflops']:.1f}, {share:.0%} of sgemm's",
        "sgemm, GFLOP/s": sgemm,
        "choosing and encoding the examples of both, s": f"{it['encoding_s']:.1f}",
        "digest and checkpoint of an epoch, s": f"{it['checkpoint_s']:.2f}",
        "bytes an example": f"{it['bytes_an_example']:.0f}",
    }
    yield "| | |"
    yield "|---|---:|"
    for title, value in rows.items():
        yield f"| {title} | {value} |"
    yield ""
    yield from _retrain(it["retrain"], it["bytes_an_example"])


def _retrain(it: Mapping[str, Any], bytes_an_example: float) -> Iterator[str]:
    yield (
        f"A retrain on all {it['purchases'] / MILLION:.1f} million purchases of a large retailer"
        f" ({it['examples'] / MILLION:,.0f} million examples), estimated from what these lists"
        f" took: {it['hours']:.1f} hours for encoding, {it['epochs']} epochs of the first network,"
        " ranking all examples once, and as many epochs of the second, each done twice: to be"
        f" judged, and to serve. It was not run: so many examples take {it['memory_gb']:,.0f} GB,"
        f" 8 GB hold {8 * GB / bytes_an_example / MILLION:,.0f} million. With the default settings"
        f" all that takes {60 * it['default_hours']:.1f} minutes at any size of the shop."
    )


def _one(it: Mapping[str, Any]) -> Iterator[str]:
    yield f"## One customer, {it['campaigns']} campaigns, one core"
    yield ""
    yield "Encoding, towers, head and sort, from the feature tables of the instant in memory."
    yield ""
    yield "| | p50 ms | p99 ms | p99 ms of the processor |"
    yield "|---|---:|---:|---:|"
    titles = {
        "campaigns_known": "campaigns' vectors of the last 15 minutes",
        "campaigns_anew": "all campaigns encoded anew for each customer",
    }
    for name, title in titles.items():
        times = it[name]
        yield f"| {title} | {times['p50']:.2f} | {times['p99']:.2f} | {times['cpu_p99']:.2f} |"


def _mass(it: Mapping[str, Any]) -> Iterator[str]:
    pairs = it["customers"] * it["campaigns"]
    yield f"## {it['customers']:,} customers × {it['campaigns']} campaigns, top {it['kept']}"
    yield ""
    yield "| | seconds | million pairs a second |"
    yield "|---|---:|---:|"
    rows = {
        "Vitrine, 2 threads, one run": it["seconds"],
        **{f"implicit's recommend, {_threads(t)}": s for t, s in it["implicit_seconds"].items()},
        "bare 64-wide product and torch's topk": it["bare_seconds"],
    }
    for title, seconds in rows.items():
        yield f"| {title} | {seconds:.1f} | {pairs / seconds / MILLION:,.0f} |"
    yield ""
    yield (
        f"Vitrine's time has encoding and towers of all customers, {it['own_rows']:,} feature rows"
        " of their own, and what they bought times the item models for every pair:"
        f" {it['cpu_s']:,.0f} s of the processor, peak {it['peak_memory_bytes'] / GB:.1f} GB,"
        f" {it['base_memory_bytes'] / GB:.1f} of it before there was any customer."
        " The peers multiply vectors that are there."
    )


def _threads(count: str) -> str:
    return "1 thread" if count == "1" else f"{count} threads"
