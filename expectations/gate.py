"""The gate: run the checks of a suite, build its pages, and stop the line when one failed."""

import logging
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expectations.rules import Breach, Check, Rule, Sample, Severity
from vitrine.errors import GateError
from vitrine.publish import current_version, new_version

SHOWN_ROWS = 5
SEVERITIES = {"fail": "critical", "warn": "warning"}


@dataclass(frozen=True)
class Finding:
    """One broken rule, in words for the person who repairs it."""

    severity: Severity
    text: str


@dataclass(frozen=True)
class Report:
    """What a run of a suite found, and where its pages are."""

    findings: tuple[Finding, ...]
    row_counts: dict[str, int]
    """The rows of each table that was looked at."""
    rule_count: int
    page: Path

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(self.row_counts.values())

    def summary(self) -> str:
        """Say what was looked at, and what came of it.

        >>> Report((), {"people": 1347, "products": 9429}, 12, Path("index.html")).summary()
        'people 1,347, products 9,429 keep all 12 rules'
        """
        counts = ", ".join(f"{name} {count:,}" for name, count in self.row_counts.items())
        kept = f"keep {self.rule_count - len(self.findings)} of" if self.findings else "keep all"
        return f"{counts} {kept} {self.rule_count} rules"

    def of(self, severity: Severity) -> list[str]:
        """Return the texts of one severity."""
        return [finding.text for finding in self.findings if finding.severity == severity]

    def raise_failures(self, suite: str) -> None:
        """Raise GateError with every failed rule, if there is one."""
        failed = self.of("fail")
        if failed:
            raise GateError(
                f"the gate {suite} is shut, nothing was published: {len(failed)} checks failed\n"
                + "\n".join(f"  {text}" for text in failed)
                + f"\n  pages: {self.page}"
            )


def run(suite: str, checks: Sequence[Check], docs: Path, version: str, keep: int = 3) -> Report:
    """Check every table of a suite and publish its pages, also when a check failed.

    Parameters
    ----------
    suite
        Name of the suite, such as landed.
    checks
        Its tables.
    docs
        The folder of all pages; this suite's are `docs/<suite>/current/index.html`.
    version
        Name of this run, such as its interval.

    Raises
    ------
    GateError
        If there is nothing to check at all. Broken rules are in the report.
    """
    if not checks:
        raise GateError(f"the gate {suite} has nothing to check: no table, no file, no row")
    findings: list[Finding] = []
    row_counts: dict[str, int] = {}
    with new_version(docs / suite, version, keep) as folder:
        context = _context(folder)
        for check in checks:
            loaded = check.load()
            sample = loaded if isinstance(loaded, Sample) else Sample(loaded, len(loaded))
            row_counts[check.name] = sample.row_count
            findings += _validate(context, suite, check, sample)
        context.build_data_docs()
    page = current_version(docs / suite) / "index.html"
    rule_count = sum(len(check.rules) for check in checks)
    return Report(tuple(findings), row_counts, rule_count, page)


def _context(folder: Path) -> Any:
    """Start Great Expectations without a project of its own: quiet, offline, pages in `folder`.

    Nothing is kept but the pages, so gates of several runs never meet in one store.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    site = {
        "class_name": "SiteBuilder",
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(folder),
        },
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    config = DataContextConfig(
        # With its own site each run would leave a folder among the machine's temporary files.
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        data_docs_sites={"pages": site},
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def _validate(context: Any, suite: str, check: Check, sample: Sample) -> list[Finding]:
    name = f"{suite}.{check.name}"
    if sample.rows.empty:
        if check.may_be_empty:
            return []
        return [Finding("fail", f"{name}: zero rows were checked")]
    import great_expectations as gx

    rows = context.data_sources.add_or_update_pandas(suite).add_dataframe_asset(check.name)
    definition = gx.ValidationDefinition(
        name=name,
        data=rows.add_batch_definition_whole_dataframe("rows"),
        suite=context.suites.add(_expectations(name, check.rules)),
    )
    result = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": sample.rows},
        result_format={
            "result_format": "SUMMARY",
            "unexpected_index_column_names": list(check.keys),
            "partial_unexpected_count": SHOWN_ROWS,
        },
    )
    if sample.breaches is not None:
        _tell_of_the_whole(result, check, sample.row_count, sample.breaches)
        _keep(context, result)
    return [_finding(name, r) for r in result.results if not r.success]


def _tell_of_the_whole(
    result: Any, check: Check, row_count: int, breaches: Sequence[Breach]
) -> None:
    """Replace what was found in a sample by what was found in all rows."""
    for judged in result.results:
        place = judged.expectation_config.meta["rule"]
        judged.success = breaches[place].row_count == 0
        judged.result = _figures(check, check.rules[place], row_count, breaches[place])
    succeeded = sum(judged.success for judged in result.results)
    result.success = succeeded == len(result.results)
    result.statistics |= {
        "successful_expectations": succeeded,
        "unsuccessful_expectations": len(result.results) - succeeded,
        "success_percent": 100 * succeeded / len(result.results),
    }


def _figures(check: Check, rule: Rule, row_count: int, breach: Breach) -> dict[str, Any]:
    """Write what Great Expectations says of a frame, from what is known of all rows."""
    named = [tuple(example[name] for name in rule.columns) for example in breach.examples]
    values = [value[0] if len(value) == 1 else str(value) for value in named]
    is_about_nulls = rule.expectation == "ExpectColumnValuesToNotBeNull"
    looked_at = row_count - (0 if is_about_nulls else breach.null_count)
    return {
        "element_count": row_count,
        "missing_count": breach.null_count,
        "missing_percent": 100 * breach.null_count / row_count,
        "unexpected_count": breach.row_count,
        "unexpected_percent": 100 * breach.row_count / max(looked_at, 1),
        "unexpected_percent_total": 100 * breach.row_count / row_count,
        "unexpected_percent_nonmissing": 100 * breach.row_count / max(looked_at, 1),
        "unexpected_index_column_names": list(check.keys),
        "partial_unexpected_list": values,
        "partial_unexpected_counts": [
            {"value": value, "count": count} for value, count in Counter(values).items()
        ],
        "partial_unexpected_index_list": list(breach.examples),
    }


def _keep(context: Any, result: Any) -> None:
    """Let the pages show a result as it is now."""
    store = context.validation_results_store
    for key in store.list_keys():
        if key.expectation_suite_identifier.name == result.suite_name:
            store.set(key, result)


def _expectations(name: str, rules: Iterable[Rule]) -> Any:
    import great_expectations as gx
    import great_expectations.expectations as gxe

    made = [
        getattr(gxe, rule.expectation)(
            **rule.arguments,
            severity=SEVERITIES[rule.severity],
            meta={"rule": place, "advice": rule.advice},
        )
        for place, rule in enumerate(rules)
    ]
    return gx.ExpectationSuite(name=name, expectations=made)


def _finding(name: str, result: Any) -> Finding:
    config, found = result.expectation_config, result.result
    limits = {k: v for k, v in config.kwargs.items() if k != "batch_id" and v is not None}
    asked = ", ".join(f"{key}={_short(value)}" for key, value in limits.items())
    error = _exception(result.exception_info)
    if error:
        # A rule that cannot be computed says nothing about the data, so it never passes quietly.
        return Finding("fail", f"{name}: {config.type}({asked}) could not be computed: {error}")
    severity: Severity = "fail" if config.severity == SEVERITIES["fail"] else "warn"
    advice = config.meta["advice"] and f"; {config.meta['advice']}"
    return Finding(severity, f"{name}: {config.type}({asked}) is broken{_evidence(found)}{advice}")


def _evidence(found: dict[str, Any]) -> str:
    if "unexpected_count" not in found:
        return f": found {found.get('observed_value')}"
    rows = found.get("partial_unexpected_index_list") or []
    shown = "; ".join(", ".join(f"{k}={v}" for k, v in row.items()) for row in rows[:SHOWN_ROWS])
    count = f" in {found['unexpected_count']} of {found['element_count']} rows"
    return f"{count}, such as {shown}" if shown else count


def _exception(info: dict[str, Any]) -> str:
    """Return the message of the first exception; Great Expectations nests them by metric."""
    entries = [info] if "raised_exception" in info else list(info.values())
    return next((str(e["exception_message"]) for e in entries if e.get("raised_exception")), "")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
