"""The ledger of champions as a table: `operations.marts.rpt_champion_decisions`."""

from vitrine.transform.record_table import Column, Table


def _figure(name: str, description: str) -> Column:
    return Column(name, "double", f"record -> 'figures' ->> '{name}'", description)


_COLUMNS = (
    Column("decided_at", "timestamptz", "record ->> 'decided_at'", "When, by the clock."),
    Column("model", "varchar", "record ->> 'model'", "ranker or classifier."),
    Column("version", "integer", "record ->> 'version'", "The version that the decision is about."),
    Column(
        "kind",
        "varchar",
        "record ->> 'kind'",
        "first (there was no champion), refresh (the champion's settings on newer data), challenge"
        " (other settings), rollback, choice (of a person, among what was held), or found (the"
        " alias was moved by other means).",
    ),
    Column(
        "verdict",
        "varchar",
        "record ->> 'verdict'",
        "promoted; passed, but the champion knows newer data; held, since a rollback holds"
        " refreshes; refused; or restored.",
    ),
    Column("reason", "varchar", "record ->> 'reason'", "Why, in a sentence."),
    Column(
        "champion_version",
        "integer",
        "record ->> 'champion_version'",
        "The version that serves from then on; null while there is none.",
    ),
    Column(
        "previous_version",
        "integer",
        "record ->> 'previous_version'",
        "The version that served until then; null where there was none.",
    ),
    Column(
        "data_end_at",
        "timestamptz",
        "record ->> 'data_end_at'",
        "The version knows what was received before this instant.",
    ),
    Column("metric", "varchar", "record ->> 'metric'", "What was compared; higher is better."),
    _figure("version_value", "The version's own value."),
    _figure("baseline_value", "What a model has to beat that knows nothing of customers."),
    _figure("champion_value", "The champion's value on the same lists."),
    _figure("difference", "Version less champion, mean over the same lists."),
    _figure("difference_low", "Lower bound of its 95 % interval over customers."),
    _figure("difference_high", "Upper bound of its 95 % interval over customers."),
    _figure("latency_p99_ms", "How long one customer's 250 campaigns take, 99th percentile."),
    Column(
        "figures",
        "varchar",
        "record ->> 'figures'",
        "Everything that it was decided by, as JSON text, each slice's difference included.",
    ),
)
TABLE = Table(
    "rpt_champion_decisions",
    "who served when, and why",
    "One row per decision about a model's version: whether it became champion, when, and why. All"
    " decisions of the home.",
    _COLUMNS,
)
