"""`vitrine lists build|publish|show`: the commands of this stage, each of a few lines."""

from datetime import datetime
from typing import Any

import click

from email_lists.judging.commands import judge
from email_lists.report.commands import report
from vitrine.errors import (
    BadArgumentError,
    NotPublishedError,
    StageSkipped,
    VitrineError,
    together,
)
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, format_instant, instead
from vitrine.options import INSTANT, ListNameType, list_option, night_option

PROGRESS_EVERY = 131_072
"""Customers between two lines of progress."""
NEEDED = ("customers", "campaigns", "campaign_products", "orders")


@click.group()
def lists() -> None:
    """Build, publish and preview the nightly e-mail lists.

    Between `build` and `publish` stands `vitrine check lists`, the gate.
    """


lists.add_command(judge)
lists.add_command(report)


@lists.command()
@list_option
@night_option
def build(list_name: str, as_of: datetime) -> None:
    """Stage the lists as of an instant.

    vitrine lists build --as-of 2026-03-16T03:30:00Z
    """
    from email_lists import inputs
    from email_lists.audience.eligibility import counts
    from email_lists.composition import compose
    from email_lists.handover import staged
    from vitrine import list_overrides, list_policy_file
    from vitrine.runlog import record
    from vitrine.sources import require

    installation = Installation.load()
    with record(
        installation.paths, f"lists build {list_name}", Interval(as_of, as_of + DAY)
    ) as run:
        require(installation.shop, "e-mail lists", *NEEDED)
        policy = list_policy_file.read(installation)
        policy.list_named(list_name)
        known = inputs.calibrated(installation, inputs.read(installation, as_of))
        overrides = policy.overrides_on(as_of.date())
        unknown = list_overrides.unknown(overrides, known.products, known.campaigns)
        unknown += list_overrides.unknown_suppressed(policy.suppress, known.customers)
        for each in unknown:
            click.echo(f"warning: {each}", err=True)
        composed = compose(known, policy, list_name, _say_progress)
        folder = installation.paths.staged_list(list_name, as_of)
        staged.write(folder, composed, known.provenance | {"policy": policy.version})
        listed, excluded = composed.people.num_rows, composed.exclusions.num_rows
        run.note(rows_in=listed + excluded, rows_out=listed, excluded=excluded)
        run.note(unknown_overrides=len(unknown))
    click.echo(f"{listed:,} of {listed + excluded:,} customers are listed; staged in {folder}")
    _echo_counts("excluded", counts(composed.exclusions))


@lists.command()
@list_option
@night_option
def publish(list_name: str, as_of: datetime) -> None:
    """Make the staged lists visible.

    vitrine lists publish --as-of 2026-03-16T03:30:00Z

    Only what `vitrine check lists` found in order since it was built. Everyone is checked once more
    with the newest that was received; where nothing changed, nothing is written.
    """
    from email_lists.handover import publication
    from email_lists.handover.difference import KINDS
    from vitrine.runlog import record
    from vitrine.sources import require

    installation = Installation.load()
    with record(
        installation.paths, f"lists publish {list_name}", Interval(as_of, as_of + DAY)
    ) as run:
        require(installation.shop, "e-mail lists", *NEEDED)
        manifest = publication.publish(installation, list_name, as_of)
        customers = manifest["customers"]
        run.note(rows_out=customers["listed"], excluded=customers["excluded"])
        run.note(files=len(manifest["files"]))
    folder = installation.paths.published_list(list_name, as_of.date()) / "current"
    changes = manifest["difference"]
    click.echo(f"the list is published: {len(manifest['lists'])} parts in {folder}")
    _echo_manifest(manifest)
    _echo_counts(f"beside {_list_of(changes['since'])}", {kind: changes[kind] for kind in KINDS})


@lists.command()
@list_option
@night_option
def difference(list_name: str, as_of: datetime) -> None:
    """Print what publishing now would change; write nothing.

    vitrine lists difference --as-of 2026-03-16T03:30:00Z
    """
    from email_lists.handover import publication

    installation = Installation.load()
    handed = publication.hand_off(installation, list_name, as_of)
    told = publication.difference_of(installation.paths, handed)
    since = _list_of(told.pop("since"))
    click.echo(f"list {list_name} as of {format_instant(as_of)}, beside {since}")
    _echo_counts("letters", told)


@lists.command()
@list_option
@night_option
@click.option("--customer", help="Id of the customer; the first who bought before, by default.")
def show(list_name: str, as_of: datetime, customer: str | None) -> None:
    """Print the counts and one e-mail.

    vitrine lists show --as-of 2026-03-16T03:30:00Z --customer U0000031
    """
    from email_lists.handover import publication
    from email_lists.mail import letter

    paths = Installation.load().paths
    manifest, people, exclusions = publication.read(paths, list_name, as_of)
    text = letter.of_customer(people, exclusions, customer, manifest["currency"])
    click.echo(f"list {list_name} of {manifest['night']}, as of {format_instant(as_of)}")
    _echo_manifest(manifest)
    click.echo(f"\n{text}")


@lists.command()
@click.option(
    "--list", "list_name", type=ListNameType(), help="Which of the policy's lists; all, by default."
)
@click.option(
    "--at",
    required=True,
    type=INSTANT,
    help="The instant that counts as now, such as 2026-03-16T06:30:00Z: letters to be sent by then"
    " go out, but for those that are too late (delivery.late_hours).",
)
def deliver(list_name: str | None, at: datetime) -> None:
    """Hand the letters that are due to the policy's mail server.

    vitrine lists deliver --at 2026-03-16T06:00:00Z

    Each letter is handed over once, however often this is called, and killed. A list that cannot be
    sent keeps no other from it. Without a mail server in the policy (delivery.host) nothing is to
    be done: the exported files are the hand-off.
    """
    from email_lists.mail import delivery
    from vitrine import list_policy_file
    from vitrine.runlog import record

    installation = Installation.load()
    policy = list_policy_file.read(installation)
    failed: dict[str, VitrineError] = {}
    # All lists share a clock and its quarter of an hour: a list begins when that before has ended.
    one_run = delivery.Run(at)
    for name in [list_name] if list_name else policy.lists:
        due = Interval(at - delivery.lateness(policy), at)
        try:
            with record(installation.paths, f"lists deliver {name}", due) as run:
                counts = delivery.deliver(installation, name, one_run)
                run.note(rows_out=counts["sent"], **counts)
        except VitrineError as error:
            if list_name or isinstance(error, StageSkipped):
                raise
            failed[name] = error
            continue
        _echo_counts(f"letters of {name}", counts or {"due": 0})
        _echo_counts("left", one_run.why_left[name])
        if counts["uncertain"]:
            click.echo(
                "uncertain: an earlier run was killed while the server took these; they are not"
                " sent again, and its log knows them by their Message-ID"
            )
        if counts["late"]:
            click.echo(
                f"late: not gone within {policy.delivery.late_hours} hours of their time"
                " (delivery.late_hours), and not sent any more; whoever had left is among them"
            )
    if failed:
        raise together(failed)


@lists.command()
def names() -> None:
    """Print the names of the lists, in the order of their making."""
    from vitrine import list_policy_file

    click.echo(" ".join(list_policy_file.read(Installation.load()).lists))


@lists.command()
def policy() -> None:
    """Print the rules that hold, all of them, as a policy file."""
    import yaml

    from vitrine import list_policy_file

    installation = Installation.load()
    rules = list_policy_file.read(installation)
    file = list_policy_file.file_of(installation)
    click.echo(f"# {file or 'the defaults: no policy file'}, version {rules.version}")
    click.echo(yaml.safe_dump(rules.model_dump(mode="json"), sort_keys=False), nl=False)


@click.command()
@click.argument("customer")
@list_option
@night_option
def explain(customer: str, list_name: str, as_of: datetime) -> None:
    """Say why a customer gets a night's letter, or none: rules, candidates, scores and reasons.

    vitrine explain U0000031 --as-of 2026-03-16T03:30:00Z

    Where the policy file has a mistake, it says that last, after what needs no rules.
    """
    from email_lists import explanation, inputs
    from vitrine import list_policy_file
    from vitrine.sources import require

    installation = Installation.load()
    require(installation.shop, "e-mail lists", *NEEDED)
    found = explanation.listed(installation.paths, list_name, as_of, customer)
    if found is None:
        _say_what_there_is(installation, list_name, as_of)
    try:
        known = inputs.read(installation, as_of)
    except NotPublishedError:  # of an old list the scores may be gone
        known = inputs.read(installation, as_of, is_scored=False)
    try:
        policy = list_policy_file.read(installation)
    except BadArgumentError:
        for line in explanation.explain_without_rules(known, list_name, customer, found):
            click.echo(line)
        raise
    policy.list_named(list_name)
    known = inputs.calibrated(installation, known)
    after = explanation.afterwards(installation, policy, list_name, as_of, found)
    for line in explanation.explain(known, policy, list_name, customer, found, after):
        click.echo(line)


def _say_what_there_is(installation: Installation, list_name: str, as_of: datetime) -> None:
    from email_lists.handover.publication import published_instants

    paths = installation.paths
    made = [*paths.staged_instants(list_name), *published_instants(paths, list_name)]
    if there := instead(as_of, made):
        click.echo(f"no list {list_name} as of {format_instant(as_of)} is made{there}", err=True)


def _list_of(since: dict[str, Any] | None) -> str:
    """Name the list that a new one is compared with."""
    return f"the list as of {since['as_of']}" if since else "no list: it is the first"


def _say_progress(done: int, count: int) -> None:
    """Tell now and then how far a long build has come."""
    if done % PROGRESS_EVERY == 0 and done < count:
        click.echo(f"{done:,} of {count:,} customers looked up")


def _echo_manifest(manifest: dict[str, Any]) -> None:
    customers, model = manifest["customers"], manifest["model"]
    click.echo(f"customers: {customers['listed']:,} listed of {customers['known']:,} known")
    _echo_counts("excluded", customers["excluded_by_reason"])
    _echo_counts("lists", manifest["lists"])
    # Lists that were published before offers were looked at again do not tell of any.
    gone = {reason: n for reason, n in manifest.get("withdrawn_offers", {}).items() if n}
    _echo_counts("offers taken out of the letters", gone)
    click.echo(f"model: {model.get('model')} version {model.get('version')}")
    if not manifest["sendable"]:
        click.echo(f"not sendable: {manifest['not_sendable_because']}")


def _echo_counts(what: str, counted: dict[str, int]) -> None:
    if counted:
        click.echo(f"{what}: " + ", ".join(f"{name} {n:,}" for name, n in counted.items()))
