"""Every path, derived from two roots: `landing` (the shop writes) and `home` (Vitrine writes)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from vitrine.interval import Interval
from vitrine.settings import Settings


def stamp(instant: datetime) -> str:
    """Write an instant as a file name that sorts by time: `20111024T0000`."""
    return instant.strftime("%Y%m%dT%H%M")


def parse_stamp(name: str) -> datetime:
    """Read what `stamp` wrote."""
    return datetime.strptime(name, "%Y%m%dT%H%M").replace(tzinfo=UTC)


def interval_stamp(interval: Interval) -> str:
    """Write an interval as a file name that sorts by time: `20111024T0000-20111025T0000`."""
    return f"{stamp(interval.start)}-{stamp(interval.end)}"


@dataclass(frozen=True)
class Paths:
    """Where everything lies; nothing else in the project joins a path to a root."""

    landing: Path
    home: Path

    @classmethod
    def of(cls, settings: Settings) -> "Paths":
        """Take the two roots from the settings."""
        return cls(landing=settings.landing, home=settings.home)

    @property
    def lake(self) -> Path:
        """Contract tables: `lake/<table>/ds=<UTC day of receipt>/<interval>.parquet`."""
        return self.home / "lake"

    @property
    def deltas(self) -> Path:
        """Spark's outputs, laid out like the lake."""
        return self.home / "deltas"

    @property
    def quarantine(self) -> Path:
        """Refused rows: `quarantine/ds=<day>/<interval>.parquet`, all tables together."""
        return self.home / "quarantine"

    @property
    def quarantined_images(self) -> Path:
        """Photographs of the newest catalogue that cannot be used, each with its reason."""
        return self.home / "quarantined_images" / "quarantined_images.parquet"

    @property
    def keys(self) -> Path:
        """Keys of each drop's ledger rows, by which a repeated row is known; laid out as above."""
        return self.home / "keys"

    @property
    def books(self) -> Path:
        """Counts of each landing, one JSON file an interval: in = accepted + quarantined."""
        return self.home / "books"

    @property
    def runs(self) -> Path:
        """The run log, one JSON file a run; many are gathered by month in `months/`."""
        return self.home / "runs"

    @property
    def champions(self) -> Path:
        """The ledger of decisions about champions, one JSON file a decision."""
        return self.home / "champions"

    @property
    def staging(self) -> Path:
        """Half-written work, on the same file system as what it becomes; safe to delete."""
        return self.home / "staging"

    @property
    def warehouse(self) -> Path:
        """Published DuckDB files: `daily.duckdb`, `intraday.duckdb`, and their versions."""
        return self.home / "warehouse"

    @property
    def examples(self) -> Path:
        """Published training examples."""
        return self.home / "examples"

    @property
    def scores(self) -> Path:
        """Published scores of the champion: `scores/<as-of>/`."""
        return self.home / "scores"

    @property
    def evaluations(self) -> Path:
        """Published leaderboards: rows, page and pictures."""
        return self.home / "evaluations"

    @property
    def classifier_evaluations(self) -> Path:
        """Published evaluations of classifiers: rows, page, pictures, photographs."""
        return self.evaluations / "classifier"

    @property
    def embeddings(self) -> Path:
        """Published product embeddings of the champion classifier."""
        return self.home / "embeddings"

    @property
    def lists(self) -> Path:
        """Published e-mail lists: `lists/<list>/<night>/`."""
        return self.home / "lists"

    def published_list(self, name: str, night: date) -> Path:
        """Return the folder that holds the published versions of one night's list."""
        return self.lists / name / night.isoformat()

    def staged_list(self, name: str, as_of: datetime) -> Path:
        """Return where one instant's list lies for the gate and `publish`: the newest build."""
        return self.staging / "lists" / name / stamp(as_of) / "current"

    def staged_instants(self, name: str) -> list[datetime]:
        """Return the instants, to the minute, that a list was built for, oldest first."""
        builds = sorted((self.staging / "lists" / name).glob("[0-9]*/current"))
        return [parse_stamp(build.parent.name) for build in builds]

    @property
    def list_reports(self) -> Path:
        """Published reports of what became of lists: `reports/lists/<list>/`."""
        return self.home / "reports" / "lists"

    @property
    def list_policy(self) -> Path:
        """The CRM manager's rules for the lists, where no setting names another file."""
        return self.home / "list_policy.yaml"

    @property
    def list_templates(self) -> Path:
        """The shop's own templates of letters, which come before the package's."""
        return self.home / "list_templates"

    @property
    def deliveries(self) -> Path:
        """Books of what was handed to the mail server: `deliveries/<list>/<night>.jsonl`."""
        return self.home / "deliveries"

    def delivery_book(self, name: str, night: date) -> Path:
        """Return the book of one night's list."""
        return self.deliveries / name / f"{night.isoformat()}.jsonl"

    @property
    def data_docs(self) -> Path:
        """Great Expectations' context and its pages."""
        return self.home / "data_docs"

    @property
    def mlflow(self) -> Path:
        """MLflow's database and artifacts."""
        return self.home / "mlflow"

    @property
    def airflow(self) -> Path:
        """Airflow's home: configuration, database and task logs."""
        return self.home / "airflow"

    @property
    def servers(self) -> Path:
        """Process ids and logs of the servers that `make up` started."""
        return self.home / "servers"

    @property
    def erasures(self) -> Path:
        """Who was erased, by salted hash, and the certificates."""
        return self.home / "erasures"

    @property
    def truth(self) -> Path:
        """The simulator's hidden truth; only tests and evaluations read it."""
        return self.home / "truth"

    def partition(self, root: Path, table: str, day: date) -> Path:
        """Return the folder of one table's UTC day of receipt under `lake` or `deltas`."""
        return root / table / f"ds={day.isoformat()}"

    def build_file(self, database: str, interval: Interval) -> Path:
        """Return the private DuckDB file that one run builds; its stem is the catalog's name."""
        return (
            self.staging
            / "warehouse"
            / f"{database}-{interval_stamp(interval)}"
            / f"{database}.duckdb"
        )
