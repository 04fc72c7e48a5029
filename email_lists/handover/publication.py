"""The hand-off: checks everyone once more, joins addresses, and makes one night's list visible.

A night's list lies under `lists/<list>/<night>/current/`; the night is the UTC day of the instant
that it is made for. Publishing brings the published list to the state wanted: where it is that
already, nothing is written. So a call that was killed, or is made twice at once, or again, ends
with the one version that a single call leaves.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from email_lists.audience import received
from email_lists.audience.deliverable import deliverable
from email_lists.audience.eligibility import counts
from email_lists.frames import empty, select
from email_lists.handover import difference, export, offers, staged
from email_lists.handover.staged import Staged, write_parquet
from email_lists.mail import previews
from email_lists.mail.rendering import Renderer, fingerprint
from email_lists.people import SCHEMA
from email_lists.slates import promises
from email_lists.slates.slate import PRODUCTS_SHOWN
from vitrine import letters, list_policy_file
from vitrine.contracts import INSTANT
from vitrine.errors import NotPublishedError
from vitrine.installation import Installation
from vitrine.interval import DAY, floor, format_instant, instead, parse_instant
from vitrine.list_policy import ListPolicy
from vitrine.operations.schedule import SEND_DECISION
from vitrine.paths import Paths, stamp
from vitrine.publish import alone, current_version, new_version
from vitrine.staged_lists import SCARCITY

LISTS, PREVIEWS, MANIFEST = "lists", "previews", "manifest.json"
DIFFERENCE = "difference.parquet"
FORMAT = 1
"""Of the exported files; a change that a sender's program would stumble over raises it."""

_LETTERS = """
select
    message_id,
    customer_id,
    $list as list,
    $night::date as night,
    send_at,
    local_day,
    segment,
    strategy,
    arm,
    arm_propensity,
    [{'rank': c.rank, 'campaign_id': c.campaign_id} for c in campaigns] as campaigns,
    [
        {
            'position': p.position, 'slot': p.slot, 'product_id': p.product_id,
            'campaign_id': p.campaign_id, 'probability': p.probability, 'propensity': p.propensity
        }
        for p in products
    ] as products
from people
order by customer_id
"""

_HELD_OUT = f"""
select customer_id, send_at, country, timezone, strategy
from exclusions
where exclusion = '{letters.HOLD_OUT}' and send_at is not null
order by customer_id
"""

_ALL_EXCLUDED = """
with excluded as (
    select
        customer_id,
        coalesce(held_out.exclusion, exclusions.exclusion) as exclusion,
        assigned,
        coalesce(is_shared, false) as is_shared
    from exclusions
    left join held_out using (customer_id)
    union all
    select customer_id, exclusion, arm as assigned, is_shared
    from checked
    join people using (customer_id)
    where exclusion is not null
)
select
    customer_id,
    exclusion,
    case
        when exclusion = $hold_out then assigned
        -- Of a mailbox's accounts the one that is written to counts, as one of those held out does.
        when starts_with(exclusion, 'cap_') and not is_shared then assigned
    end as assigned
from excluded
order by customer_id
"""


@dataclass(frozen=True)
class Published:
    """The version of a list that a new state is compared with; of no night before the first."""

    folder: Path | None
    night: date | None
    manifest: dict[str, Any]

    @classmethod
    def last(cls, paths: Paths, name: str, night: date) -> "Published":
        """Find the night's current version, or else the newest night's before it."""
        nights = (each for each in letters.published(paths.lists) if each.list_name == name)
        found = [each for each in nights if each.night <= night]
        if not found:
            return cls(None, None, {})
        manifest = json.loads((found[-1].folder / MANIFEST).read_text())
        return cls(found[-1].folder, found[-1].night, manifest)

    def rows(self) -> pa.Table:
        """Read what is compared, of the exported files; addresses are in no other."""
        files = [] if self.folder is None else sorted((self.folder / LISTS).glob("*.parquet"))
        tables = [pq.read_table(f, columns=_present(f, difference.COMPARED)) for f in files]
        return pa.concat_tables([_NOTHING, *tables], promote_options="default")


_NOTHING = empty(
    customer_id=pa.string(),
    message_id=pa.string(),
    send_at=INSTANT,
    content_digest=pa.string(),
    email_address=pa.string(),
)


@dataclass(frozen=True)
class HandOff:
    """What goes out now of a staged list, and what it was made of."""

    name: str
    as_of: datetime
    people: pa.Table
    """`people.SCHEMA`, email_address where letters may be sent, content_digest, and the values of
    the headers for unsubscribing."""
    exclusions: pa.Table
    scarcity: pa.Table
    gone: pa.Table
    """`offers.gone`: what was taken out of the letters."""
    staged_count: int
    """Letters of the staged list."""
    provenance: dict[str, Any]
    policy: ListPolicy
    state: str
    """The digest of all that the files are made of."""

    @property
    def night(self) -> date:
        """The UTC day of the instant that the list is made for."""
        return self.as_of.date()

    def changes(self, since: Published) -> pa.Table:
        """Compare with what is published; see `difference.difference`."""
        compared = [name for name in difference.COMPARED if name in self.people.column_names]
        wanted = pa.concat_tables(
            [_NOTHING, self.people.select(compared)], promote_options="default"
        )
        is_same_night = since.night == self.night
        return difference.difference(wanted, since.rows(), is_same_night=is_same_night)


def publish(installation: Installation, name: str, as_of: datetime) -> dict[str, Any]:
    """Publish the staged list of a name and an instant; return the manifest that holds from now on.

    Raises
    ------
    NotPublishedError
        If it was not built, the gate has not found it in order by the policy that holds, or more of
        it would be lost at the hand-off than the policy's `gate.size_change`.
    """
    paths = installation.paths
    paths.lists.mkdir(parents=True, exist_ok=True)
    # Lists count each other's letters for the caps: one is handed over after the other.
    with alone(paths.lists):
        handed = hand_off(installation, name, as_of)
        since = Published.last(paths, name, handed.night)
        if since.night == handed.night and since.manifest.get("state") == handed.state:
            return since.manifest
        return _write(installation, handed, since)


def hand_off(installation: Installation, name: str, as_of: datetime) -> HandOff:
    """Check everyone of a staged list once more, with the newest that has been received.

    Raises
    ------
    NotPublishedError
        As `publish`, and if another list of the night was published since and promises the same
        stock.
    """
    policy = list_policy_file.read(installation)
    wanted = staged.read(installation.paths, name, as_of, policy.version)
    # Those held out stay whom the list would have written to, at the hand-off too.
    held_out = select(_HELD_OUT, exclusions=wanted.exclusions)
    asked = pa.concat_tables([t.select(["customer_id"]) for t in (wanted.people, held_out)])
    newest = received.newest(installation, as_of, asked["customer_id"])
    checked = deliverable(wanted.people, newest, policy, name, as_of.date())
    held_out = deliverable(held_out, newest, policy, name, as_of.date())
    excluded = select(
        _ALL_EXCLUDED,
        {"hold_out": letters.HOLD_OUT},
        exclusions=wanted.exclusions,
        held_out=held_out,
        checked=checked,
        people=wanted.people,
    )
    _require_size(checked, policy, name, as_of)
    listed = _listed(wanted, checked)
    gone = _gone(installation, wanted, listed, as_of)
    people = _with_digests(offers.without(listed, gone))
    _require_full(listed, people, policy, name, as_of)
    _require_room(installation.paths, wanted, people, policy, name, as_of)
    return HandOff(
        name=name,
        as_of=as_of,
        people=export.with_unsubscribing(people, policy.sender),
        exclusions=excluded,
        scarcity=wanted.scarcity,
        gone=gone,
        staged_count=wanted.people.num_rows,
        provenance=wanted.provenance,
        policy=policy,
        state=_state(
            wanted,
            (checked, excluded, gone),
            policy,
            fingerprint(installation.paths.list_templates),
        ),
    )


def difference_of(paths: Paths, handed: HandOff) -> dict[str, Any]:
    """Count what publishing would change, as the manifest's `difference` would tell."""
    since = Published.last(paths, handed.name, handed.night)
    return _told(handed, since, handed.changes(since))


def read(paths: Paths, name: str, as_of: datetime) -> tuple[dict[str, Any], pa.Table, pa.Table]:
    """Read a published list: its manifest, its people, its exclusions.

    Raises
    ------
    NotPublishedError
        If that night's list, or the list of exactly that instant, is not published.
    """
    moment = format_instant(as_of)
    try:
        folder = current_version(paths.published_list(name, as_of.date()))
    except NotPublishedError:
        raise NotPublishedError(
            f"no list {name} as of {moment} is published"
            f"{instead(as_of, published_instants(paths, name))}; run `vitrine lists build`,"
            " `vitrine check lists`, then `vitrine lists publish`, with"
            f" --list {name} --as-of {format_instant(_decision(as_of))}"
        ) from None
    manifest = json.loads((folder / MANIFEST).read_text())
    if manifest["as_of"] != moment:
        raise NotPublishedError(
            f"the list {name} of that night is the one as of {manifest['as_of']}, not {moment};"
            f" run `vitrine lists show --list {name} --as-of {manifest['as_of']}`"
        )
    parts = [pq.read_table(file) for file in sorted((folder / LISTS).glob("*.parquet"))]
    rows = pa.concat_tables(parts) if parts else SCHEMA.empty_table()
    return manifest, rows, pq.read_table(folder / letters.EXCLUSIONS_FILE)


def published_instants(paths: Paths, name: str) -> list[datetime]:
    """Return the instants that the published versions of a list are made for, oldest first."""
    found = [each for each in letters.published(paths.lists) if each.list_name == name]
    manifests = [json.loads((each.folder / MANIFEST).read_text()) for each in found]
    return [parse_instant(manifest["as_of"]) for manifest in manifests]


def _decision(as_of: datetime) -> datetime:
    """Return the instant that a night's list is made for, where only the night was named."""
    is_date = as_of == floor(as_of, DAY)
    return as_of + SEND_DECISION if is_date else as_of


def _listed(wanted: Staged, checked: pa.Table) -> pa.Table:
    """Keep who is still written to, with the consent that allows it now, and the address."""
    people = wanted.people
    if not people["customer_id"].equals(checked["customer_id"]):
        raise AssertionError("the hand-off lost or doubled somebody")
    columns = checked if wanted.provenance["sendable"] else checked.drop_columns("email_address")
    place = people.column_names.index("consent_id")
    people = people.set_column(place, "consent_id", checked["consent_id"])
    if "email_address" in columns.column_names:
        people = people.append_column("email_address", checked["email_address"])
    return people.filter(pc.is_null(checked["exclusion"]))


def _with_digests(people: pa.Table) -> pa.Table:
    digests = difference.content_digests(people)
    return people.append_column("content_digest", digests["content_digest"])


def _gone(
    installation: Installation, wanted: Staged, people: pa.Table, as_of: datetime
) -> pa.Table:
    """Find which offers hold no more; what is received when all letters are out matters to none."""
    last = pc.max(people["send_at"]).as_py() or as_of
    shown = offers.shown(people["products"])
    return offers.gone(installation, as_of, shown, wanted.scarcity, last)


def _require_size(checked: pa.Table, policy: ListPolicy, name: str, as_of: datetime) -> None:
    """Refuse where so many are lost that an input must be missing, such as the contacts.

    Whom another list of the night took since, by the caps, gets that one's letter: nobody is lost.
    """
    found, staged_count = counts(checked), checked.num_rows
    lost = {reason: n for reason, n in found.items() if not reason.startswith("cap_")}
    share, limit = sum(lost.values()) / max(staged_count, 1), policy.gate.size_change
    if share > limit:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in lost.items())
        moment = format_instant(as_of)
        raise NotPublishedError(
            f"the hand-off of the list {name} as of {moment} would lose {sum(lost.values()):,} of"
            f" {staged_count:,} letters ({share:.0%}; gate.size_change is {limit:.0%}): {reasons};"
            " see that contacts, consents and suppressions are landed whole, then run `vitrine"
            f" lists publish --list {name} --as-of {moment}` again; if it is meant, raise"
            " gate.size_change in the policy, then build, check and publish the list"
        )


def _require_full(
    before: pa.Table, people: pa.Table, policy: ListPolicy, name: str, as_of: datetime
) -> None:
    """Refuse where so many offers are gone that the gate would not have passed what is left."""
    places, limit = PRODUCTS_SHOWN * people.num_rows, policy.gate.empty_share
    shown, left = (_product_count(table) for table in (before, people))
    if left < shown and places - left > limit * places:
        moment = format_instant(as_of)
        raise NotPublishedError(
            f"of the list {name} as of {moment} {shown - left:,} of {shown:,} products have sold"
            f" out or changed their price since the night's build, and {1 - left / places:.0%} of"
            f" the places would be empty (gate.empty_share is {limit:.0%}); see that"
            " campaign_products, stock_levels and orders are landed right, then run `vitrine lists"
            f" publish --list {name} --as-of {moment}` again; if it is meant, raise"
            " gate.empty_share in the policy, then build, check and publish the list"
        )


def _product_count(people: pa.Table) -> int:
    return pc.sum(pc.list_value_length(people["products"])).as_py() or 0


def _require_room(
    paths: Paths, wanted: Staged, people: pa.Table, policy: ListPolicy, name: str, as_of: datetime
) -> None:
    """Refuse what was built before another list took of the same stock."""
    others = promises.by_others(promises.of_night(paths.lists, as_of.date()), name)
    factor = policy.allocation.stock_factor
    found = promises.over(others, people, wanted.scarcity, factor)
    if found:
        campaign, product = found[0]
        what = f"product {product} of campaign {campaign}" if product else f"campaign {campaign}"
        moment = format_instant(as_of)
        raise NotPublishedError(
            f"the list {name} as of {moment} promises more than other lists of the night have left"
            f" of {len(found)} offers and campaigns, such as {what}; run"
            " `vitrine lists build`, then `vitrine check lists`, with"
            f" --list {name} --as-of {moment}"
        )


def _state(wanted: Staged, checks: tuple[pa.Table, ...], policy: ListPolicy, templates: str) -> str:
    whole = hashlib.sha256(wanted.digest.encode())
    for checked in checks:
        sink = pa.BufferOutputStream()
        pq.write_table(checked, sink)
        whole.update(sink.getvalue())
    whole.update(json.dumps([_versions(policy), templates]).encode())
    return whole.hexdigest()


def _versions(policy: ListPolicy) -> dict[str, Any]:
    return {"vitrine": version("vitrine"), "format": FORMAT, "policy": policy.version}


def _write(installation: Installation, handed: HandOff, since: Published) -> dict[str, Any]:
    paths, keep = installation.paths, installation.settings.keep_versions
    root = paths.published_list(handed.name, handed.night)
    changes = handed.changes(since)

    with new_version(root, stamp(handed.as_of), keep) as folder:
        parts = export.write(handed.people, folder / LISTS)
        images = received.rows(paths, "product_images")
        currency = handed.provenance["currency"]
        renderer = Renderer(handed.policy.sender, currency, paths.list_templates)
        pages, night = folder / PREVIEWS, handed.night.isoformat()
        previews.write(handed.people, images, paths.landing, pages, night, renderer)
        named = {"list": handed.name, "night": handed.night}
        promised = select(_LETTERS, named, people=handed.people)
        write_parquet(letters.LETTERS.conform(promised), folder / letters.LETTERS_FILE)
        write_parquet(handed.exclusions, folder / letters.EXCLUSIONS_FILE)
        write_parquet(handed.scarcity, folder / SCARCITY)
        write_parquet(changes, folder / DIFFERENCE)
        manifest = {
            **handed.provenance,
            "list": handed.name,
            "night": night,
            "as_of": format_instant(handed.as_of),
            "versions": _versions(handed.policy) | {"policy_of_build": handed.provenance["policy"]},
            "state": handed.state,
            "customers": _counted(handed),
            "lists": parts,
            "difference": _told(handed, since, changes),
            "slates": _slates(handed.people),
            "withdrawn_offers": offers.counts(handed.gone),
            "files": _checksums(folder),
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    return manifest


def _present(file: Path, columns: tuple[str, ...]) -> list[str]:
    return [name for name in columns if name in pq.read_schema(file).names]


def _counted(handed: HandOff) -> dict[str, Any]:
    listed, excluded = handed.people.num_rows, handed.exclusions.num_rows
    return {
        "known": listed + excluded,
        "staged": handed.staged_count,
        "listed": listed,
        "excluded": excluded,
        "excluded_by_reason": counts(handed.exclusions),
    }


def _told(handed: HandOff, since: Published, changes: pa.Table) -> dict[str, Any]:
    before = since.manifest and {
        "as_of": since.manifest["as_of"],
        "state": since.manifest.get("state"),
    }
    return {"since": before or None, **difference.counts(changes, handed.people.num_rows)}


def _slates(people: pa.Table) -> dict[str, Any]:
    sql = """
    select
        count(*) filter (where len(products) = $full) as complete,
        count(*) filter (where len(products) < $full) as short,
        coalesce(sum(len(products)), 0)::bigint as product_count
    from people
    """
    [row] = select(sql, {"full": PRODUCTS_SHOWN}, people=people).to_pylist()
    shown = select("select unnest(products).slot as slot from people", people=people)
    by_slot = select("select slot, count(*) as n from shown group by all order by all", shown=shown)
    return row | {"by_slot": {r["slot"]: r["n"] for r in by_slot.to_pylist()}}


def _checksums(folder: Path) -> dict[str, dict[str, Any]]:
    return {file.relative_to(folder).as_posix(): _checksum(file) for file in _files(folder)}


def _files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.rglob("*")) if file.is_file()]


def _checksum(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}
