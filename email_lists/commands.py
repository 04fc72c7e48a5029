"""`vitrine lists build|publish|show`: the commands of this stage, each of a few lines."""

from datetime import datetime
from typing import Any

import click

from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, format_instant
from vitrine.options import as_of_option

NEEDED = ("customers", "campaigns", "campaign_products", "orders")


@click.group()
def lists() -> None:
    """Build, publish and preview the nightly e-mail lists."""


@lists.command()
@as_of_option
def build(as_of: datetime) -> None:
    """Stage the lists as of an instant.

    vitrine lists build --as-of 2026-04-08T03:30:00Z
    """
    from email_lists import inputs, staged
    from email_lists.composition import compose
    from email_lists.eligibility import counts
    from vitrine.runlog import record
    from vitrine.sources import require

    installation = Installation.load()
    with record(installation.paths, "lists build", Interval(as_of, as_of + DAY)) as run:
        require(installation.shop, "e-mail lists", *NEEDED)
        known = inputs.read(installation, as_of)
        composed = compose(known)
        folder = staged.write(installation.paths, composed, as_of, known.provenance)
        listed, excluded = composed.people.num_rows, composed.exclusions.num_rows
        run.note(rows_in=listed + excluded, rows_out=listed, excluded=excluded)
    click.echo(f"{listed:,} of {listed + excluded:,} customers are listed; staged in {folder}")
    _echo_counts("excluded", counts(composed.exclusions))


@lists.command()
@as_of_option
def publish(as_of: datetime) -> None:
    """Make the staged lists visible.

    vitrine lists publish --as-of 2026-04-08T03:30:00Z

    Run `vitrine check lists` first and stop if it fails: this command does not check them again.
    """
    from email_lists import publication
    from vitrine.runlog import record
    from vitrine.sources import require

    installation = Installation.load()
    with record(installation.paths, "lists publish", Interval(as_of, as_of + DAY)) as run:
        require(installation.shop, "e-mail lists", *NEEDED)
        manifest = publication.publish(installation, as_of)
        customers = manifest["customers"]
        run.note(rows_out=customers["listed"], excluded=customers["excluded"])
        run.note(files=len(manifest["files"]))
    folder = publication.folder_of(installation.paths, as_of) / "current"
    click.echo(f"published {len(manifest['lists'])} lists in {folder}")
    _echo_manifest(manifest)


@lists.command()
@as_of_option
@click.option("--customer", help="Id of the customer; the first who bought before, by default.")
def show(as_of: datetime, customer: str | None) -> None:
    """Print the counts and one e-mail.

    vitrine lists show --as-of 2026-04-08T03:30:00Z --customer C000001
    """
    from email_lists import letter, publication

    paths = Installation.load().paths
    manifest, people, exclusions = publication.read(paths, as_of)
    text = letter.of_customer(people, exclusions, customer, manifest["currency"])
    click.echo(f"lists of {manifest['night']}, as of {format_instant(as_of)}")
    _echo_manifest(manifest)
    click.echo(f"\n{text}")


def _echo_manifest(manifest: dict[str, Any]) -> None:
    customers, model = manifest["customers"], manifest["model"]
    click.echo(f"customers: {customers['listed']:,} listed of {customers['known']:,} known")
    _echo_counts("excluded", customers["excluded_by_reason"])
    _echo_counts("lists", manifest["lists"])
    click.echo(f"model: {model.get('model')} version {model.get('version')}")
    if not manifest["sendable"]:
        click.echo(f"not sendable: {manifest['not_sendable_because']}")


def _echo_counts(what: str, counted: dict[str, int]) -> None:
    if counted:
        click.echo(f"{what}: " + ", ".join(f"{name} {n:,}" for name, n in counted.items()))
