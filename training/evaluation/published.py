"""What became of an evaluation, of rankers or of classifiers, that was published."""

from dataclasses import dataclass
from pathlib import Path

ASIDE = "aside"
"""Beneath the folder of evaluations: versions that never became current, and their own link."""


@dataclass(frozen=True)
class Published:
    """Where an evaluation lies, its name, and why it lies aside: empty if it is current."""

    folder: Path
    run: str
    aside: str

    def shown_by(self, table: str) -> str:
        """Say how `vitrine sql` shows the evaluation, whose current rows are in `table`."""
        found = f"{table}_history where run = '{self.run}'"
        if not self.aside:
            return f"`vitrine sql` shows it as {table}, and among others in {found}"
        return (
            f"kept aside: {self.aside}. The table {table} is as it was;"
            f" `vitrine sql` shows this one in {found}"
        )
