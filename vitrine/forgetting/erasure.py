"""Erase one customer from every file of the home and the landing folder; then look once more.

Nothing is taken for granted about who writes what: every file is searched, by its format. The order
makes a killed erasure safe to repeat: what identifies the person is kept, readable by this user
alone, until the last search has found nothing; from the first moment on landing refuses their rows.
Meanwhile no letter is handed over and no list is published: what had read of the person before
ends first, and what begins afterwards is told of the erasure.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from vitrine import lake, publish, runlog
from vitrine.errors import BadArgumentError, VitrineError
from vitrine.forgetting import certificates, manifests, parquet_files, raw, traces, warehouses
from vitrine.forgetting.certificates import Certificate
from vitrine.forgetting.formats import DUCKDB, LAKE, PARQUET, format_of
from vitrine.forgetting.ledger import Ledger, begin, make_salt
from vitrine.forgetting.person import CUSTOMER, Person
from vitrine.forgetting.texts import erase_cards, kept_times, restore
from vitrine.installation import Installation
from vitrine.interval import DAY, EPOCH, Interval
from vitrine.letters import PREVIEWS
from vitrine.publish import LOCK, TEMPORARY
from vitrine.sources import Drop
from vitrine.transform import builds

_PASSES = 3
"""What another process was writing meanwhile is found by the search after it."""


@dataclass
class Erasure:
    """One customer's erasure from one home."""

    installation: Installation
    customer_id: str
    tell: Callable[[str], None] = lambda _: None
    """Hears what is waited for."""
    has_begun_here: bool = False
    """Whether `run` had anything to do."""
    _drops: dict[Path, Drop] = field(default_factory=dict)
    _searched: int = 0

    def run(self) -> Certificate:
        """Erase the customer and certify it; of somebody erased already return the certificate.

        Raises
        ------
        BadArgumentError
            If the id is blank, or nothing here knows the customer. Ids are told apart by capitals.
        VitrineError
            If a database cannot be read now: nothing is erased then, unless that was found by the
            search afterwards. Or if a file that holds the customer cannot be changed: the rest is
            erased. The same command completes it.
        """
        if not self.customer_id.strip():
            raise BadArgumentError("a blank is no customer's id; nothing was erased")
        paths = self.installation.paths
        paths.erasures.mkdir(parents=True, exist_ok=True)
        with publish.alone(paths.erasures):
            self._drops = raw.drops(self.installation.shop, paths.landing)
            person, hits = self._found_everywhere(self._person())
            if not self._has_begun and not (hits and self._is_known(hits)):
                return self._known_certificate()
            self.has_begun_here = True
            end = lake.received_until(paths.lake) or EPOCH + DAY
            with runlog.record(paths, "forget", Interval(EPOCH, end)) as run:
                certificate = self._erased(person, hits, end)
                run.note(rows_out=certificate.removed_count, files=certificate.files_changed)
            return certificate

    def _erased(
        self, person: Person, hits: dict[Path, int], received_until: datetime
    ) -> Certificate:
        self._keep(person, received_until)
        with self._nothing_goes_out():
            return self._certified(person, hits)

    @contextmanager
    def _nothing_goes_out(self) -> Iterator[None]:
        """Let a delivery and a publication end, and no other begin.

        A delivery goes on writing in the book it has open, also when another has taken its place.
        """
        paths = self.installation.paths
        working = {paths.deliveries: "a delivery is running", paths.lists: "a list is published"}
        with ExitStack() as stack:
            for folder, what in working.items():
                folder.mkdir(parents=True, exist_ok=True)
                try:
                    stack.enter_context(publish.alone(folder, is_patient=False))
                except BlockingIOError:
                    self.tell(f"{what}; the erasure goes on when it has ended")
                    stack.enter_context(publish.alone(folder))
            yield

    def _certified(self, person: Person, hits: dict[Path, int]) -> Certificate:
        # Nobody can tell who stands in the pages that a warehouse has let go of.
        hits = {f: 0 for f in _files(self.installation) if _has_free_pages(f)} | hits
        for _ in range(_PASSES):
            reasons = [self._reason_against(file, found, person) for file, found in hits.items()]
            hits = dict(self._search(person))
            if not hits:
                break
        paths = self.installation.paths
        manifests.correct(certificates.noted(paths, self._hash), paths)
        self._refuse_rest(hits, [reason for reason in reasons if reason])
        return certificates.complete(paths, self._hash, person, self._searched)

    @property
    def _hash(self) -> str:
        return Ledger.load(self.installation.paths).hash_of(self.customer_id)

    @property
    def _has_begun(self) -> bool:
        return certificates.kept_file(self.installation.paths, self._hash).exists()

    def _person(self) -> Person:
        paths = self.installation.paths
        person = traces.known(paths, self.customer_id)
        kept = certificates.kept_file(paths, self._hash)
        return Person.load(kept).joined(person) if kept.exists() else person

    def _found_everywhere(self, person: Person) -> tuple[Person, dict[Path, int]]:
        """Search for what the lake knows of the person, and for ids that other files add to it.

        Such as raw files that are not landed yet, and letters, which have ids of their own.
        """
        hits = dict(self._search(person))
        told = (rows for file in hits for rows in self._tables(file))
        whole = person.joined(traces.gathered(told, person))
        return whole, hits if whole == person else dict(self._search(whole))

    def _is_known(self, hits: dict[Path, int]) -> bool:
        """Say whether the id is a customer's as it stands, not only in other capitals in a text."""
        if self._hash in Ledger.load(self.installation.paths).hashes:
            return True
        told = (rows for file in hits for rows in self._tables(file))
        return any(
            pc.any(pc.equal(rows[CUSTOMER].cast(pa.string()), self.customer_id)).as_py()
            for rows in told
            if CUSTOMER in rows.column_names
        )

    def _tables(self, file: Path) -> list[pa.Table]:
        landing = self.installation.paths.landing
        if file in self._drops:
            return raw.tables(file, self.installation.shop, landing, self._drops[file])
        is_parquet = format_of(file, self._is_lake(file)) in (PARQUET, LAKE)
        return [parquet_files.ids(file)] if is_parquet else []

    def _keep(self, person: Person, received_until: datetime) -> None:
        paths = self.installation.paths
        make_salt(paths)
        certificates.kept_file(paths, self._hash).parent.mkdir(mode=0o700, exist_ok=True)
        person.store(certificates.kept_file(paths, self._hash))
        begin(paths, person, received_until)

    def _known_certificate(self) -> Certificate:
        paths = self.installation.paths
        if self._hash not in Ledger.load(paths).hashes:
            raise BadArgumentError(
                f"no customer '{self.customer_id}' is known in {paths.home} or {paths.landing};"
                " nothing was erased"
            )
        return certificates.newest(paths, self._hash)

    def _search(self, person: Person) -> Iterator[tuple[Path, int]]:
        """Yield each file that holds the person, and how many rows, lines or texts of it."""
        self._searched = 0
        for file in _files(self.installation):
            self._searched += 1
            try:
                found = self._found(file, person) + person.names(self._relative(file))
            except FileNotFoundError:  # replaced by a newer version meanwhile
                continue
            if found:
                yield file, found

    def _relative(self, file: Path) -> str:
        return certificates.relative(self.installation.paths, file).as_posix()

    def _found(self, file: Path, person: Person) -> int:
        paths = self.installation.paths
        if self._is_raw(file):
            drop = self._drops.get(file)
            return len(raw.found(file, person, self.installation.shop, paths.landing, drop))
        return format_of(file, self._is_lake(file)).found(file, person)

    def _is_raw(self, file: Path) -> bool:
        return raw.is_raw(file) and file.is_relative_to(self.installation.paths.landing)

    def _is_lake(self, file: Path) -> bool:
        paths = self.installation.paths
        roots = (paths.lake, paths.deltas, paths.keys, paths.quarantine)
        return any(file.is_relative_to(root) for root in roots)

    def _reason_against(self, file: Path, found: int, person: Person) -> str:
        """Erase the person from a file, or say why that cannot be done now."""
        try:
            self._erase(file, found, person)
        except VitrineError as error:
            return str(error)
        return ""

    def _erase(self, file: Path, found: int, person: Person) -> None:
        paths = self.installation.paths
        if not os.access(file, os.W_OK) or not os.access(file.parent, os.W_OK):
            return
        certificates.note(paths, self._hash, file, found)
        times = kept_times(file)
        if self._is_raw(file):
            drop = self._drops.get(file)
            shop, landing = self.installation.shop, paths.landing
            raw.erase(file, raw.found(file, person, shop, landing, drop))
        elif file.name.startswith(TEMPORARY):
            _remove_leftover(file)
        elif person.names(self._relative(file)):
            file.unlink()
        else:
            self._clean(file, person)
        # Builds go on from what was made of the lake's files as long as these do not change.
        restore(times[1:] if self._is_lake(file) else times)

    def _clean(self, file: Path, person: Person) -> None:
        if self._is_preview(file):
            # All that a letter says is the person's, not their id alone.
            if file.stem != "index":
                file.unlink()
                return
            erase_cards(file, person)
        erase = format_of(file, self._is_lake(file)).erase
        staging = self.installation.paths.staging
        if erase is None and file.is_relative_to(staging):
            file.unlink()
        elif erase is not None and file.is_relative_to(staging / "warehouse"):
            with builds.held(file.parent):
                erase(file, person)
        elif erase is not None:
            erase(file, person)

    def _is_preview(self, file: Path) -> bool:
        """Say whether a file is one person's letter to look at, or the index of such."""
        is_preview = file.parent.name == PREVIEWS and file.suffix in (".html", ".txt")
        return is_preview and file.is_relative_to(self.installation.paths.lists)

    def _refuse_rest(self, hits: dict[Path, int], reasons: list[str]) -> None:
        if hits:
            why = f" ({reasons[0]})" if reasons else ""
            raise VitrineError(
                f"{len(hits)} files still hold the customer and cannot be changed by Vitrine, such"
                f" as {min(hits)}{why}; have them erased by whoever may write them, then type the"
                " same command again. Everything else is erased, and landing refuses the"
                " customer's rows"
            )


def _files(installation: Installation) -> Iterator[Path]:
    """Yield every file of the home and of the landing folder, once, in order."""
    paths = installation.paths
    roots = [paths.home]
    # What a link leads to is not walked into.
    if not paths.landing.resolve().is_relative_to(paths.home.resolve()):
        roots.append(paths.landing)
    for root in roots:
        for folder, names, files in os.walk(root):
            names.sort()
            if Path(folder) == paths.home and paths.erasures.name in names:
                names.remove(paths.erasures.name)
            for name in sorted(files):
                file = Path(folder) / name
                if name != LOCK and file.is_file() and not file.is_symlink():
                    yield file


def _has_free_pages(file: Path) -> bool:
    try:
        return format_of(file, is_lake=False) is DUCKDB and warehouses.has_free_pages(file)
    except FileNotFoundError:  # replaced by a newer version meanwhile
        return False


def _remove_leftover(file: Path) -> None:
    """Remove what a killed writer left; what a living one holds it will replace itself."""
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.unlink(missing_ok=True)
    finally:
        os.close(folder)
