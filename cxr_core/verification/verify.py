"""Whether a release tree holds anything that identifies a person of the source, or has room for it.

Takes a tree, the needles, signed-off names and the known text of the templates; gives findings by file and kind. What
a finding means for publication is left to the flow.

What counts where: in **cells and headers** every needle counts. In **file names, column names and keys** a single name
that is also a word of the schema (a patient called Heart) does not count, everything else does. A **cell that is a
value of an enumeration** or of a closed form (`fields.toml`) is no name. A single name that equals a schema word in a
free cell is told as `name_word` until it is signed off. Of **documents** only what filled in the templates is searched
(`known_text`). **Coded streams** are searched for needles of eight bytes and more.
"""

import functools
import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from cxr_core.verification.decoded import decode_file
from cxr_core.verification.fields import FieldPolicy, load_field_policy
from cxr_core.verification.findings import FileFinding, Finding, Findings
from cxr_core.verification.known_text import KnownText
from cxr_core.verification.matching import Hit, StreamMatcher, TextMatcher
from cxr_core.verification.never_list import Needles, load_never_list
from cxr_core.verification.values import Decoded, Place, Stream, Value, unescaped

SUMS_NAME = "SHA256SUMS.txt"
_RELEASE_FILES = frozenset({"run.json", "images.parquet"})  # a tree with these is a release, and has digests
_DICOM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")
_SCHEMA_PLACES = frozenset({Place.NAME, Place.KEY})
_SHORTEST_ID_IN_NUMBERS = 6
_WORDS = frozenset({Finding.NAME_PART, Finding.PLACE})


def verify_tree(
    root: Path,
    needles: Needles,
    *,
    signoff: frozenset[str] = frozenset(),
    known_lines: Iterable[str] = (),
    pictures: Mapping[str, str] | None = None,
) -> Findings:
    """Read every file of a tree and look for what must not be there.

    Parameters
    ----------
    signoff : frozenset of str
        Names that a person has looked at where they stand as ordinary words; lower case.
    known_lines : iterable of str
        Lines of the documents' templates with `$placeholders`, and whole known sentences.
    pictures : mapping of dicom_id (`dicom_id.SIZE` for smaller ones) to SHA-256, optional
        What the conversion made of the redacted images: a picture that is none of them is a finding.

    Returns
    -------
    Findings
        Clean where nothing was found.
    """
    reader = _Reader(needles, signoff, KnownText(known_lines, largest_count=needles.largest_count), pictures)
    files = 0
    for path in _entries(root):
        files += not path.is_dir() or path.is_symlink()
        reader.read(path, os.fsencode(path.relative_to(root)).decode("utf-8", "backslashreplace"))
    reader.told[(".", Finding.ATTRIBUTE)] += _has_attributes(root)
    reader.read_name(root.name)
    reader.told[(SUMS_NAME, Finding.CHECKSUM)] += _wrong_sums(root, reader.digest)
    told = sorted((file, kind, count) for (file, kind), count in reader.told.items() if count)
    findings = tuple(FileFinding(file, kind, count) for file, kind, count in told)
    return Findings(findings, files, reader.values, frozenset(reader.to_sign_off))


class _Reader:
    """Counts findings over files."""

    def __init__(
        self, needles: Needles, signoff: frozenset[str], known: KnownText, pictures: Mapping[str, str] | None
    ) -> None:
        self._needles = needles
        self._text = TextMatcher(needles)
        self._stream = StreamMatcher(needles)
        self._policy: FieldPolicy = load_field_policy()
        self._signoff = signoff
        self._known = known
        self._pictures = pictures
        self._digests = frozenset((pictures or {}).values())
        self.digest = functools.cache(_digest)  # compared with the conversion's and the list's
        self.told: Counter[tuple[str, Finding]] = Counter()
        self.to_sign_off: set[str] = set()
        self.values = 0

    def read_name(self, name: str) -> str:
        """Search a name; gives it as it may be told: where it identifies, a digest."""
        kinds = list(self._value(name, Value(Place.NAME, "path", name)))
        shown = f"(file name {hashlib.sha256(name.encode()).hexdigest()[:12]})" if kinds else name
        self.told.update((shown, kind) for kind in kinds)
        return shown

    def read(self, path: Path, relative: str) -> None:
        """Search one file, folder or link: its name, then what it says."""
        shown = self.read_name(relative)
        self.told[(shown, Finding.ATTRIBUTE)] += not path.is_symlink() and _has_attributes(path)
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            self.told[(shown, Finding.LINK)] += 1
        elif path.is_file():
            self.told[(shown, Finding.UNDECLARED)] += not _is_declared(relative)
            self.told[(shown, Finding.PICTURE)] += self._is_another_picture(path, relative)
            for item in decode_file(path):
                for kind, count in self._item(relative, item):
                    self.told[(shown, kind)] += count

    def _is_another_picture(self, path: Path, relative: str) -> bool:
        """Whether the conversion made another JPEG under this name, or none; smaller ones lie below `files-SIZE`.

        Layouts that call images by other names hold some picture that it made.
        """
        if self._pictures is None or path.suffix != ".jpg":
            return False
        if not _DICOM_ID.fullmatch(path.stem):
            return self.digest(path) not in self._digests
        top = relative.partition("/")[0]
        name = f"{path.stem}.{top.removeprefix('files-')}" if top.startswith("files-") else path.stem
        return self._pictures.get(name) != self.digest(path)

    def _item(self, relative: str, item: Decoded) -> Iterator[tuple[Finding, int]]:
        if isinstance(item, Finding):
            yield item, 1
        elif isinstance(item, Stream):
            yield from Counter(self._stream.hits(item.data, shortest=item.shortest)).items()
        else:
            self.values += item.count
            for kind in self._value(relative, item):
                yield kind, item.count

    def _value(self, relative: str, value: Value) -> Iterator[Finding]:
        """Kinds that count in a value. Looking up comes first: most values hold nothing."""
        hits = self._text.hits(value.text)
        if not hits and not any(map(self._text.hits, unescaped(value.text))):
            return
        if value.parts:  # its lines were searched: what counts is what stands across the break
            yield from self._judged(relative, value, value.text, hits.difference(*map(self._hits, value.parts)))
            return
        parts = [value.text.strip()]
        if value.place in {Place.LINE, Place.CELL}:
            parts = self._known.unexplained(value.text, is_table=value.place is Place.LINE)
        elif value.place is Place.KEY and self._known.is_known(value.text):
            return
        for part in parts:
            yield from self._judged(relative, value, part, self._hits(part))

    def _hits(self, text: str) -> set[Hit]:
        """What a text says as written, and what it hides; words of the schema count only as written."""
        hidden = set[Hit]().union(*map(self._text.hits, unescaped(text)))
        return self._text.hits(text) | {
            hit for hit in hidden if not self._policy.schema_words.issuperset(hit.token.split())
        }

    def _judged(self, relative: str, value: Value, text: str, hits: set[Hit]) -> Iterator[Finding]:
        skipped = self._policy.skipped(relative, value.name, text, self._needles)
        for kind in sorted({k for hit in hits if (k := self._kind(hit, value.place)) is not None}):
            if kind not in skipped and not (kind is Finding.NAME_WORD and Finding.NAME_PART in skipped):
                if kind is Finding.NAME_WORD:
                    self.to_sign_off.update(hit.token for hit in hits if hit.token in self._policy.schema_words)
                yield kind

    def _kind(self, hit: Hit, place: Place) -> Finding | None:
        """What a hit counts as in its place; None where it does not."""
        if place is Place.NUMBER and len(hit.token) < _SHORTEST_ID_IN_NUMBERS:
            return None
        if hit.kind not in _WORDS:
            return hit.kind
        if hit.token in self._signoff:
            return None
        if hit.token not in self._policy.schema_words:
            return hit.kind
        return None if place in _SCHEMA_PLACES else Finding.NAME_WORD


def _entries(root: Path) -> Iterator[Path]:
    """Files, links and folders, in a fixed order."""
    for parent, folders, names in os.walk(root):
        folders.sort()
        for name in sorted([*names, *folders]):
            yield Path(parent) / name


def _is_declared(relative: str) -> bool:
    return any(fnmatchcase(relative, pattern) for pattern in load_never_list().file_patterns)


def _has_attributes(path: Path) -> bool:
    """Extended attributes that a person may have written (`user.*`): they travel with a copy."""
    try:
        return any(name.startswith("user.") for name in os.listxattr(path))
    except OSError:  # a file system without them
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _wrong_sums(root: Path, digest: Callable[[Path], str]) -> int:
    """Lines of SHA256SUMS.txt that are wrong, and files that it does not list; a release must have it."""
    if not (root / SUMS_NAME).is_file():
        return sum((root / name).exists() for name in _RELEASE_FILES)
    lines = (root / SUMS_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
    listed = {path: digest for digest, _, path in (line.partition("  ") for line in lines)}
    present = {
        path.relative_to(root).as_posix(): path for path in _entries(root) if path.is_symlink() or not path.is_dir()
    }
    present.pop(SUMS_NAME, None)
    wrong = len(listed.keys() ^ present.keys())
    return wrong + sum(
        present[name].is_file() and digest(present[name]) != listed[name] for name in listed.keys() & present.keys()
    )
