"""The review's memory: an append-only SQLite file that several readers share and that a killed server cannot harm.

Takes manifests, readers and decisions, gives queues, progress and outcomes; it decides who may see what. What a
decision means is left to `rules`, HTTP and pages to `flows.review_server`.

For whoever builds on it
------------------------
::

    store = ReviewStore.create(workspace.review / "review.sqlite", secret=secrets.token_bytes(32))   # or .open(path)
    store.add_sample(manifest, at)                      once a sample is drawn; again: nothing happens
    store.add_reader("amber", ReaderRole.READER, token_digest(token), at)      the token itself is never kept
    reader = store.reader_of(token_digest(token))       None: refuse (401). Only the newest token of a reader opens
    store.secret                                        32 bytes that outlive a restart: sign cookies with it

    queue = store.queue(reader, ReviewKind.IMAGES, at)  role reader: blind; consensus and lead: the consensus queue
    queue.ahead[0]                                      the next item; ahead[1:] may be preloaded
    item = store.item(reader, item_id)                  only items of the own queue, or NotAllowed; .draft.source/.text
    store.record(reader, decision, at)                  Conflict, NotAllowed, BadDecision; the same id again: False
    store.history(reader, kind, limit)                  own current decisions, the newest first: `z` goes back to [0]
    store.sight(reader, item_id, at)                    others' answers and machine boxes, once all answers are in

    store.progress(kind), store.outcomes(kind)          dashboard; statistics are in `cxr_core.review.statistics`

Undo: record another decision with `supersedes` = the id of the own current one; or `WITHDRAWN`, which leaves the item
open. Undo is refused once the reader has looked at the others' answers (`sight`) or the consensus is settled.
Times are aware datetimes and passed in. One `ReviewStore` serves all threads of a process (a connection each);
several processes may hold the same file. The newest sample of a kind is the one that is read.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cxr_core.errors import UsageError
from cxr_core.review import claims, decisions, schema
from cxr_core.review.database import Database
from cxr_core.review.records import (
    Decision,
    Entry,
    Item,
    Manifest,
    NotAllowed,
    Outcome,
    Progress,
    Queue,
    Reader,
    ReaderProgress,
    Recorded,
    Sample,
    Sight,
)
from cxr_core.review.rows import canonical, draft_text, sample_from, to_ms
from cxr_core.vocabulary import ReaderRole, ReviewKind, ReviewRound

AHEAD = 6
STALE_AFTER = timedelta(hours=24)
_SAMPLE = (
    "SELECT s.*, (SELECT count(*) FROM items i WHERE i.sample_id = s.sample_id "
    "AND i.item_id NOT IN (SELECT item_id FROM removed)) AS items FROM samples s "
)


def token_digest(token: str) -> str:
    """What the store keeps of a token. Tokens are random and long: a plain SHA-256 cannot be searched through."""
    return hashlib.sha256(token.encode()).hexdigest()


def manifest_digest(manifest: Manifest) -> str:
    """SHA-256 over everything that was drawn, whatever its order."""
    drafts = sorted(draft_text(draft) for draft in manifest.drafts)
    head = canonical([manifest.kind.value, manifest.seed, manifest.readers_per_item])
    return hashlib.sha256("\n".join([head, *drafts]).encode()).hexdigest()


class ReviewStore:
    """One `review.sqlite`. See the module's docstring."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        if self._database.read.execute("PRAGMA user_version").fetchone()[0] != schema.VERSION:
            raise UsageError(f"{path} was made by another version of the review; keep it and start a new one")
        self.secret: bytes = self._database.read.execute("SELECT value FROM meta WHERE name = 'secret'").fetchone()[0]

    # ------------------------------------------------------------ life

    @classmethod
    def create(cls, path: Path, secret: bytes) -> "ReviewStore":
        """Make the file, readable by its owner alone, or open the one that is there (its own secret stays)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        path.touch(mode=0o600)
        connection = schema.connect(path)
        try:
            schema.create(connection, secret)
        finally:
            connection.close()
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> "ReviewStore":
        """Open an existing file.

        Raises
        ------
        UsageError
            There is none.
        """
        if not path.is_file():
            raise UsageError(f"{path} is not there: `cxr review sample` draws a sample first")
        return cls(path)

    def close(self) -> None:
        """Close the connections of all threads."""
        self._database.close()

    # ------------------------------------------------------------ samples

    def add_sample(self, manifest: Manifest, at: datetime) -> Sample:
        """Freeze a manifest; the same one again is found, not added."""
        digest = manifest_digest(manifest)
        sample_id = f"{manifest.kind.value}-{digest[:12]}"
        with self._database.write() as connection:
            if not connection.execute("SELECT 1 FROM samples WHERE digest = ?", (digest,)).fetchone():
                place = connection.execute("SELECT count(*) FROM samples").fetchone()[0]
                connection.execute(
                    "INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        sample_id,
                        place,
                        manifest.kind.value,
                        manifest.seed,
                        manifest.readers_per_item,
                        digest,
                        to_ms(at),
                    ),
                )
                connection.executemany(
                    "INSERT INTO items (item_id, sample_id, sha256, draft) VALUES (?, ?, ?, ?)",
                    [
                        (self._opaque(digest, text), sample_id, draft.sha256, text)
                        for draft in manifest.drafts
                        for text in [draft_text(draft)]
                    ],
                )
        return self._sample(sample_id)

    def _opaque(self, digest: str, draft: str) -> str:
        return hmac.new(self.secret, f"{digest}\0{draft}".encode(), hashlib.sha256).hexdigest()[:32]

    def remove_studies(self, studies: Iterable[str], at: datetime) -> int:
        """Take withdrawn studies out of every sample and empty what was kept of them; gives the number of items.

        Nobody reads, counts or exports them any more. That somebody once decided them stays in the trail.
        """
        with self._database.write() as connection:
            return decisions.remove(connection, frozenset(studies), at)

    def samples(self) -> Sequence[Sample]:
        """Every sample ever drawn, the oldest first."""
        return [sample_from(row) for row in self._database.read.execute(f"{_SAMPLE} ORDER BY place")]

    def sample(self, kind: ReviewKind) -> Sample | None:
        """The sample of a kind that is read now: the newest."""
        row = self._database.read.execute(
            f"{_SAMPLE} WHERE kind = ? ORDER BY place DESC LIMIT 1", (kind.value,)
        ).fetchone()
        return sample_from(row) if row else None

    def _sample(self, sample_id: str) -> Sample:
        return sample_from(self._database.read.execute(f"{_SAMPLE} WHERE sample_id = ?", (sample_id,)).fetchone())

    def _wanted(self, kind: ReviewKind) -> Sample:
        sample = self.sample(kind)
        if sample is None:
            raise NotAllowed(f"no sample of {kind.value} was drawn")
        return sample

    # ------------------------------------------------------------ readers

    def add_reader(self, name: str, role: ReaderRole, token_sha256: str, at: datetime) -> Reader:
        """Add a reader, or give the one of that name and role a new token: the old one opens no longer.

        Raises
        ------
        UsageError
            The name is taken with another role.
        """
        with self._database.write() as connection:
            known = connection.execute("SELECT role FROM readers WHERE name = ?", (name,)).fetchone()
            if known and known["role"] != role.value:
                raise UsageError(f"{name} is already a {known['role']}; roles do not change, take another name")
            if not known:
                connection.execute("INSERT INTO readers VALUES (?, ?, ?)", (name, role.value, to_ms(at)))
            connection.execute(
                "INSERT INTO tokens (reader, sha256, issued_at) VALUES (?, ?, ?)", (name, token_sha256, to_ms(at))
            )
        return Reader(name, role)

    def readers(self) -> Sequence[Reader]:
        """Everybody, in the order in which they joined."""
        found = self._database.read.execute("SELECT name, role FROM readers ORDER BY rowid")
        return [Reader(row["name"], ReaderRole(row["role"])) for row in found]

    def reader_of(self, token_sha256: str) -> Reader | None:
        """Whose newest token this is the digest of; None for nobody's or an old one."""
        row = self._database.read.execute(
            "SELECT r.name, r.role FROM tokens t JOIN readers r ON r.name = t.reader WHERE t.sha256 = ? "
            "AND t.place = (SELECT max(n.place) FROM tokens n WHERE n.reader = t.reader)",
            (token_sha256,),
        ).fetchone()
        return Reader(row["name"], ReaderRole(row["role"])) if row else None

    # ------------------------------------------------------------ queues

    def queue(
        self,
        reader: Reader,
        kind: ReviewKind,
        at: datetime,
        *,
        ahead: int = AHEAD,
        stale_after: timedelta = STALE_AFTER,
    ) -> Queue:
        """What the reader is to read now; claims up to `ahead` items, so that nobody else gets them.

        Parameters
        ----------
        stale_after : timedelta
            What others claimed longer ago and never decided is taken over once nothing else is left.

        Raises
        ------
        NotAllowed
            No sample of this kind was drawn.
        """
        sample = self._wanted(kind)
        is_consensus = reader.role is not ReaderRole.READER
        ids = claims.open_claims(self._database.read, sample.sample_id, reader.name, is_consensus=is_consensus)
        if len(ids) <= ahead // 2:  # a write now and then, not with every item
            self._claim(reader, sample, ahead - len(ids), at, stale_after)
            ids = claims.open_claims(self._database.read, sample.sample_id, reader.name, is_consensus=is_consensus)
        answered, median_s = claims.pace(self._database.read, sample.sample_id, reader.name)
        return Queue(
            sample_id=sample.sample_id,
            kind=kind,
            round=ReviewRound.CONSENSUS if is_consensus else ReviewRound.PRIMARY,
            ahead=[Entry(item_id, self._sha256(item_id), None) for item_id in ids[:ahead]],
            answered=answered,
            remaining=self._remaining(reader, sample),
            median_s=median_s,
        )

    def _claim(self, reader: Reader, sample: Sample, wanted: int, at: datetime, stale_after: timedelta) -> None:
        claim = claims.claim_blind if reader.role is ReaderRole.READER else claims.claim_consensus
        with self._database.write() as connection:
            if reader.role is ReaderRole.READER:
                claims.ensure_order(connection, sample, reader.name)
            if claim(connection, sample, reader.name, wanted, at) == 0:
                claims.release_stale(connection, sample.sample_id, reader.name, at - stale_after)
                claim(connection, sample, reader.name, wanted, at)

    def _sha256(self, item_id: str) -> str:
        return str(self._database.read.execute("SELECT sha256 FROM items WHERE item_id = ?", (item_id,)).fetchone()[0])

    def _remaining(self, reader: Reader, sample: Sample) -> int:
        if reader.role is ReaderRole.READER:
            return claims.remaining(self._database.read, sample, reader.name)
        return int(
            self._database.read.execute(
                "SELECT count(*) FROM states s WHERE s.sample_id = ? AND s.needs_consensus = 1 AND s.final IS NULL "
                "AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.item_id = s.item_id AND c.reader = ? AND c.slot >= 0)",
                (sample.sample_id, reader.name),
            ).fetchone()[0]
        )

    # ------------------------------------------------------------ one item

    def item(self, reader: Reader, item_id: str) -> Item:
        """An item of the reader's own queue, open or decided.

        Raises
        ------
        NotAllowed
            It is not in the reader's queue, or there is no such item: the message is the same.
        """
        decisions.claim_of(self._database.read, reader, item_id)
        return decisions.item_of(self._database.read, item_id)

    def own(self, reader: Reader, item_id: str) -> Decision | None:
        """The reader's own current decision on an item of the own queue.

        Raises
        ------
        NotAllowed
            It is not in the reader's queue.
        """
        decision_id = decisions.claim_of(self._database.read, reader, item_id)["decision_id"]
        return decisions.decision_of(self._database.read, decision_id) if decision_id else None

    def history(self, reader: Reader, kind: ReviewKind, limit: int = 50) -> Sequence[Decision]:
        """The reader's own current decisions in the sample that is read now, the newest first."""
        sample = self._wanted(kind)
        return decisions.history_of(self._database.read, sample.sample_id, reader.name, limit)

    def sight(self, reader: Reader, item_id: str, at: datetime) -> Sight:
        """The others' answers and the machine's boxes of an item, once all blind answers are in.

        A blind reader who looks is noted, and can change the answer no more.

        Raises
        ------
        NotAllowed
            The item is not in the own queue, or an answer is still missing.
        """
        with self._database.write() as connection:
            return decisions.look(connection, reader, item_id, at)

    # ------------------------------------------------------------ decisions

    def record(self, reader: Reader, decision: Decision, at: datetime) -> bool:
        """Keep a decision; on the disk when this returns.

        Parameters
        ----------
        at : datetime
            The server's clock.

        Returns
        -------
        bool
            False where this very decision was kept before (the page sent it twice).

        Raises
        ------
        NotAllowed
            Not the reader's own item, another's name, another round, or undo after looking.
        Conflict
            The id was used for something else, or the reader's current decision is not the one superseded, or the
            consensus is settled.
        BadDecision
            It contradicts itself or its item.
        """
        with self._database.write() as connection:
            return decisions.keep(connection, reader, decision, at)

    # ------------------------------------------------------------ everything

    def progress(self, kind: ReviewKind) -> Progress:
        """How far the sample of a kind is, and each reader in it.

        Raises
        ------
        NotAllowed
            No sample of this kind was drawn.
        """
        sample = self._wanted(kind)
        counts = self._database.read.execute(
            "SELECT coalesce(sum(is_complete), 0) AS complete, "
            "coalesce(sum(needs_consensus AND final IS NULL), 0) AS waiting, "
            "coalesce(sum(needs_consensus AND final IS NOT NULL), 0) AS done, count(final) AS final "
            "FROM states WHERE sample_id = ?",
            (sample.sample_id,),
        ).fetchone()
        readers = [
            ReaderProgress(reader.name, reader.role, *claims.pace(self._database.read, sample.sample_id, reader.name))
            for reader in self.readers()
        ]
        return Progress(sample, counts["complete"], counts["waiting"], counts["done"], counts["final"], readers)

    def outcomes(self, kind: ReviewKind) -> Sequence[Outcome]:
        """Every item of the sample that is read now with what was decided; in the order of the opaque ids.

        For the lead, the statistics and the export only: it names planted items.

        Raises
        ------
        NotAllowed
            No sample of this kind was drawn.
        """
        return self.outcomes_in(self._wanted(kind))

    def outcomes_in(self, sample: Sample) -> Sequence[Outcome]:
        """The same of any sample, also one that is read no more."""
        return decisions.outcomes_of(self._database.read, sample.sample_id, sample.readers_per_item)

    def trail(self, sample_id: str) -> Sequence[Decision]:
        """Every decision of a sample as it came, superseded ones included."""
        return [recorded.decision for recorded in self.audit(sample_id)]

    def audit(self, sample_id: str) -> Sequence[Recorded]:
        """The audit trail of a sample: every decision as it came, when it was stored, and whether it still holds."""
        return decisions.trail_of(self._database.read, sample_id)
