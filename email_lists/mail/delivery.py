"""The optional last step: the letters that are due now go to the mail server, each person's once.

Which letters are due is a matter of the instant that the command is given, not of the clock.
Whether it is a quiet hour is one of that instant and of the time that the run, over all its lists,
has taken since; so is what a letter may still say. Who left since the list was published is asked
again right before, and which offers and campaigns hold no more. A run that was killed is repeated:
it sends what the first one did not (`email_lists.mail.delivered`).
"""

import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import dataset

from email_lists.audience import received
from email_lists.audience.deliverable import deliverable
from email_lists.audience.eligibility import counts
from email_lists.handover import offers
from email_lists.handover.publication import LISTS, MANIFEST
from email_lists.mail.delivered import Book, State, opened
from email_lists.mail.messages import message
from email_lists.mail.pictures import photographs
from email_lists.mail.rendering import Renderer
from email_lists.mail.smtp import Answer, MailServer, connected
from email_lists.people import SCHEMA
from vitrine import letters, list_policy_file
from vitrine.errors import MachineError, NotPublishedError, StageSkipped
from vitrine.installation import Installation
from vitrine.interval import DAY, midnight, parse_instant
from vitrine.list_policy import ListPolicy
from vitrine.paths import Paths
from vitrine.publish import alone
from vitrine.staged_lists import SCARCITY

NIGHTS = 2
"""Days after its night on which a letter may become due: zones and personal hours reach there."""
RUN_SECONDS = 15 * 60
"""One run, over all its lists, hands over what takes this long, and leaves the rest to the next:
people's consent, and the hour, are looked at anew."""
BATCH = 500
"""Letters that are rendered together; bounds the memory."""
SCANNED = 16_384
"""Letters that are read together, of which those that go now are few."""
_CHECKED = ["customer_id", "message_id", "send_at", "country", "timezone", "strategy"]
_EARLIEST = [("send_at", "ascending"), ("customer_id", "ascending")]
_STATES = {
    Answer.TAKEN: State.SENT,
    Answer.NEVER: State.REFUSED,
    Answer.NOT_NOW: State.DEFERRED,
}


@dataclass
class Run:
    """One run over one list or several: its clock, and what it may still hand over."""

    at: datetime
    """The instant that counts as now when it begins."""
    began: float = field(default_factory=time.monotonic)
    """In the seconds of `time.monotonic`."""
    handed_over: int = 0
    """Letters that a mail server was asked to take."""
    why_left: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """By list: why those who `left` are not written to any more."""

    def now(self) -> datetime:
        """Return the instant that counts as now."""
        return self.at + timedelta(seconds=self._seconds())

    def is_over(self) -> bool:
        """Tell whether the time is up, as when the server is slower than it might be."""
        return self._seconds() >= RUN_SECONDS

    def room(self, per_second: float) -> int:
        """Return how many letters may still be handed over; one a run, however slow it is to be."""
        return 0 if self.is_over() else max(1, int(per_second * RUN_SECONDS)) - self.handed_over

    def _seconds(self) -> float:
        return time.monotonic() - self.began


@dataclass(frozen=True)
class _News:
    """What has been received since a night's build of what its letters show."""

    gone: pa.Table
    """`offers.gone`."""
    closes_at: dict[str, datetime]
    """By the ids of campaigns that end."""

    @classmethod
    def of(
        cls, installation: Installation, night: "_Night", shown: pa.Table, now: datetime
    ) -> "_News":
        scarcity = pq.read_table(night.folder / SCARCITY)
        gone = offers.gone(installation, night.as_of, shown, scarcity, now)
        rows = offers.campaigns(installation, now).to_pylist()
        ends = {row["campaign_id"]: row["closes_at"] for row in rows if row["closes_at"]}
        return cls(gone, ends)

    def still_true(self, row: dict[str, Any], now: datetime) -> dict[str, Any]:
        """Leave out of a letter the campaigns that have closed, with their products.

        And what others bought today, where the reader's today is another day by now.
        """
        is_today = now.astimezone(ZoneInfo(row["timezone"])).date() == row["local_day"]
        told = {c["campaign_id"]: c["closes_at"] for c in row["campaigns"] if c["closes_at"]}
        # A letter tells the end that its list knew: one that was prolonged is closed in it.
        closed = {k for ends in (told, self.closes_at) for k, at in ends.items() if at <= now}
        campaigns = [c for c in row["campaigns"] if c["campaign_id"] not in closed]
        products = [
            p if is_today else p | {"bought_today_count": None}
            for p in row["products"]
            if p["campaign_id"] not in closed
        ]
        return row | {"campaigns": campaigns, "products": products}


@dataclass(frozen=True)
class _Night:
    """What the letters of one published night are made with."""

    folder: Path
    list_name: str
    manifest: dict[str, Any]
    paths: Paths
    policy: ListPolicy

    @classmethod
    def of(cls, paths: Paths, policy: ListPolicy, night: letters.Night) -> "_Night":
        manifest = json.loads((night.folder / MANIFEST).read_text())
        return cls(night.folder, night.list_name, manifest, paths, policy)

    @property
    def as_of(self) -> datetime:
        return parse_instant(self.manifest["as_of"])

    @cached_property
    def images(self) -> pa.Table:
        return received.rows(self.paths, "product_images")

    @cached_property
    def renderer(self) -> Renderer:
        return Renderer(self.policy.sender, self.manifest["currency"], self.paths.list_templates)

    def require_sendable(self) -> None:
        if not self.manifest["sendable"]:
            raise NotPublishedError(
                f"the list {self.list_name} of {self.manifest['night']} cannot be sent:"
                f" {self.manifest['not_sendable_because']}"
            )

    def due(self, after: datetime, until: datetime) -> pa.Table:
        """Read whose letters are to be sent in `after < send_at <= until`, by customer."""
        found = self._rows().to_table(columns=_CHECKED, filter=_is_due(after, until))
        return found.sort_by("customer_id")

    def shown(self, after: datetime, until: datetime) -> pa.Table:
        """Read which offers the letters show that are `due`, if any is; as `offers.shown`."""
        batches = self._rows().to_batches(
            columns=["products"], filter=_is_due(after, until), batch_size=SCANNED
        )
        found = pa.concat_tables(offers.shown(pa.chunked_array([b["products"]])) for b in batches)
        return found.group_by(found.column_names).aggregate([])

    def meant_until(self, until: datetime) -> pa.Array:
        """Read the message ids of all letters that were to be sent by an instant."""
        rows = self._rows().to_table(columns=["message_id"], filter=pc.field("send_at") <= until)
        return rows["message_id"]

    def mails(
        self, addresses: Mapping[str, str], news: _News, run: Run
    ) -> Iterator[tuple[dict[str, Any], str, bytes | None]]:
        """Yield the rows of some message ids, with the address and the message.

        There is none where nothing of the letter is true any more.
        """
        is_asked = pc.field("message_id").isin(pa.array(addresses, pa.string()))
        for found in self._rows().to_batches(filter=is_asked, batch_size=SCANNED):
            left = offers.without(pa.Table.from_batches([found]), news.gone)
            for start in range(0, left.num_rows, BATCH):
                yield from self._mails(left.slice(start, BATCH).to_pylist(), addresses, news, run)

    def _rows(self) -> dataset.Dataset:
        files = [str(file) for file in sorted((self.folder / LISTS).glob("*.parquet"))]
        return dataset.dataset(files or SCHEMA.empty_table())

    def _mails(
        self, rows: list[dict[str, Any]], addresses: Mapping[str, str], news: _News, run: Run
    ) -> Iterator[tuple[dict[str, Any], str, bytes | None]]:
        shown = {product["product_id"] for row in rows for product in row["products"]}
        files = photographs(self.images, self.paths.landing, shown)
        sender = self.policy.sender
        links = {product_id: self._link(file) for product_id, file in files.items()}
        ids = {product_id: self._content_id(file) for product_id, file in files.items()}
        for whole in rows:
            row, address = news.still_true(whole, run.now()), addresses[whole["message_id"]]
            if not row["campaigns"] and not row["products"]:
                yield row, address, None
                continue
            letter = self.renderer.letter(row, links)
            own = {product["product_id"] for product in row["products"]} & files.keys()
            attached = {} if sender.picture_url else {ids[p]: files[p] for p in sorted(own)}
            mail = message(row, letter, address, sender, self.list_name, attached)
            yield row, address, mail

    def _link(self, file: Path) -> str:
        if not self.policy.sender.picture_url:
            return f"cid:{self._content_id(file)}"
        return self.policy.sender.link("picture_url", path=self._path(file))

    def _content_id(self, file: Path) -> str:
        """Name a picture in a letter: files of one name may lie in several folders."""
        return hashlib.sha256(self._path(file).encode()).hexdigest()[:16] + file.suffix.lower()

    def _path(self, file: Path) -> str:
        return file.relative_to(self.paths.landing.resolve()).as_posix()


def deliver(installation: Installation, list_name: str, run: Run) -> Counter[str]:
    """Hand the mail server the letters of a list that are due at the instant of a run.

    Due is what was to be sent by then, and not longer ago than the policy's `delivery.late_hours`;
    in a customer's quiet hours nothing is, also where they begin during the run.

    Returns
    -------
    collections.Counter
        Letters by what this run did: sent, refused, deferred, by what the server said; left: to who
        must not be written to any more; empty: of whose letter nothing is true any more; quiet:
        not at this hour; waiting: for the next run;
        uncertain: begun by an earlier run that was killed, and not sent again; late: neither gone
        nor refused within `delivery.late_hours`, and not sent any more.

    Raises
    ------
    StageSkipped
        If the policy names no mail server.
    BadArgumentError, NotPublishedError
        If there is no such list, or its letters may not be sent.
    MachineError
        If another delivery or an erasure is running, or the server does not answer; what it took is
        noted.
    """
    policy = list_policy_file.read(installation)
    policy.list_named(list_name)
    if not policy.delivery.host:
        raise StageSkipped("the list policy names no mail server (delivery.host): nothing to do")
    paths, done = installation.paths, Counter[str]()
    paths.deliveries.mkdir(parents=True, exist_ok=True)
    try:
        with alone(paths.deliveries, is_patient=False):
            for night in letters.published(paths.lists):
                if night.list_name == list_name and _may_be_due(night, run.at, policy):
                    _deliver_night(installation, _Night.of(paths, policy, night), run, done)
    except BlockingIOError:
        raise MachineError(
            "another delivery is running, or an erasure: type this again when it has ended, and it"
            " sends what is still due"
        ) from None
    return +done


def lateness(policy: ListPolicy) -> timedelta:
    """Return how long after its time a letter still goes out."""
    return timedelta(hours=policy.delivery.late_hours)


def _may_be_due(night: letters.Night, at: datetime, policy: ListPolicy) -> bool:
    age = at - midnight(night.night)
    return timedelta(0) <= age < (NIGHTS + 1) * DAY + lateness(policy)


def _deliver_night(installation: Installation, night: _Night, run: Run, done: Counter[str]) -> None:
    since = run.at - lateness(night.policy)
    due, missed = night.due(since, run.at), night.meant_until(since)
    book_file = installation.paths.delivery_book(night.list_name, night.as_of.date())
    with opened(book_file) as book:
        ids = due["message_id"]
        done["uncertain"] += pc.sum(book.uncertain(ids)).as_py() or 0
        done["late"] += pc.sum(pc.invert(book.settled(missed))).as_py() or 0
        waiting = due.filter(pc.invert(book.settled(ids)))
        if not waiting.num_rows:
            return
        night.require_sendable()
        addresses = _addresses(installation, night, waiting, run, done)
        if addresses:
            news = _News.of(installation, night, night.shown(since, run.at), run.now())
            _send(night, addresses, news, book, run, done)


def _send(
    night: _Night,
    addresses: Mapping[str, str],
    news: _News,
    book: Book,
    run: Run,
    done: Counter[str],
) -> None:
    policy, tried = night.policy, 0
    with connected(policy.delivery, policy.sender.address) as server:
        for row, address, mail in night.mails(addresses, news, run):
            server.wait()
            if run.is_over():
                break
            tried += 1
            if mail is None:
                done["empty"] += 1
            elif _is_quiet(row["timezone"], policy, run.now()):
                done["quiet"] += 1
            else:
                note = partial(book.note, row["message_id"], row["customer_id"])
                run.handed_over += 1
                done[_handed_over(server, note, run.now(), address, mail)] += 1
    done["waiting"] += len(addresses) - tried


def _handed_over(
    server: MailServer,
    note: Callable[[State, datetime], None],
    now: datetime,
    address: str,
    mail: bytes,
) -> State:
    state = _STATES[server.hand_over(address, mail, partial(note, State.BEGUN, now))]
    note(state, now)
    return state


def _addresses(
    installation: Installation,
    night: _Night,
    waiting: pa.Table,
    run: Run,
    done: Counter[str],
) -> dict[str, str]:
    """Return the newest address by message id, of whom is written to in this run.

    No more are looked at than can go, the earliest first. Those whose letters are gone are not
    looked at again: the book tells of two who share an address by now that the other has it.
    """
    is_quiet = _quiet(waiting["timezone"], night.policy, run.now())
    done["quiet"] += pc.sum(is_quiet).as_py() or 0
    people = waiting.filter(pc.invert(is_quiet)).sort_by(_EARLIEST)
    most = run.room(night.policy.delivery.messages_per_second)
    addresses: dict[str, str] = {}
    seen = 0
    while seen < people.num_rows and len(addresses) < most:
        looked_at = people.slice(seen, most + max(1, most // 10))
        found, why_left = _still_written_to(installation, night, looked_at)
        done["left"] += why_left.total()
        run.why_left[night.list_name] += why_left
        addresses |= found
        seen += looked_at.num_rows
    done["waiting"] += people.num_rows - seen + max(0, len(addresses) - most)
    return dict(islice(addresses.items(), most))


def _still_written_to(
    installation: Installation, night: _Night, people: pa.Table
) -> tuple[dict[str, str], Counter[str]]:
    """Return the newest address by message id of who may be written to, the earliest first.

    And of the others how many are not for which reason.
    """
    people = people.sort_by("customer_id")
    newest = received.newest(installation, night.as_of, people["customer_id"])
    checked = deliverable(
        people, newest, night.policy, night.list_name, night.as_of.date(), is_due=True
    )
    people = people.append_column("email_address", checked["email_address"])
    first = people.filter(pc.is_valid(people["email_address"])).sort_by(_EARLIEST)
    ids, addresses = (first[name].to_pylist() for name in ("message_id", "email_address"))
    return dict(zip(ids, addresses, strict=True)), Counter(counts(checked))


def _is_due(after: datetime, until: datetime) -> pc.Expression:
    return (pc.field("send_at") > after) & (pc.field("send_at") <= until)


def _quiet(timezones: pa.ChunkedArray, policy: ListPolicy, at: datetime) -> pa.ChunkedArray:
    """Tell in whose zone it is a quiet hour now."""
    zones = timezones.unique().to_pylist()
    quiet = [zone for zone in zones if _is_quiet(zone, policy, at)]
    return pc.is_in(timezones, pa.array(quiet, pa.string()))


def _is_quiet(zone: str, policy: ListPolicy, at: datetime) -> bool:
    return policy.send_times.is_quiet(at.astimezone(ZoneInfo(zone)).time())
