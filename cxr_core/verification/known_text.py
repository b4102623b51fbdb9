"""What of a document is the text of its template, and what was filled in.

Takes the lines of the templates with `$placeholders` and whole known sentences; gives, for a line of a document, the
parts that no template explains. Only these are searched: a template was written before any patient was known. Numbers
where a template counts, and numbers alone in a cell of a table, are counts: they equal ids by chance.
"""

import re
from collections.abc import Iterable

_PLACEHOLDER = re.compile(r"(\$[a-z_][a-z0-9_]*)")
_COUNTS = frozenset({"$images", "$studies", "$subjects", "$count"})
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_JOINT = "; "
_MARKS = "-#* "
_COUNT = "count"


class KnownText:
    """Known lines and sentences of a release's documents.

    Parameters
    ----------
    lines : iterable of str
        Template lines. A line that holds nothing but a placeholder explains nothing.
    largest_count : int
        A larger number is no count.
    """

    def __init__(self, lines: Iterable[str] = (), *, largest_count: int = 0) -> None:
        self._largest_count = largest_count
        stripped = {_bare(line) for line in lines}
        self._whole = {line for line in stripped if not _PLACEHOLDER.search(line)}
        self._patterns = [_pattern(line) for line in sorted(stripped - self._whole) if _is_telling(line)]

    def unexplained(self, line: str, *, is_table: bool = True) -> list[str]:
        """The parts of a line that were filled in; the whole line where no template matches.

        `is_table` False where bars are no borders of cells.
        """
        text = _bare(line)
        if not text or text in self._whole:
            return []
        if is_table and text.startswith("|"):
            cells = [cell.strip() for cell in text.strip("|").split("|")]
            return [
                part for cell in cells if cell.strip("-:") and not self._is_count(cell) for part in self._filled(cell)
            ]
        return self._filled(text)

    def _is_count(self, cell: str) -> bool:
        return _NUMBER.fullmatch(cell) is not None and abs(float(cell)) <= self._largest_count

    def is_known(self, text: str) -> bool:
        """Whether a text is a whole known line or sentence, with or without its full stop."""
        return text in self._whole or text.removesuffix(".") in self._whole

    def _filled(self, text: str) -> list[str]:
        if self.is_known(text):
            return []
        for pattern in self._patterns:
            match = pattern.fullmatch(text)
            if match:
                return [part for filled in self._fillings(match) for part in self._sentences(filled)]
        return self._sentences(text)

    def _fillings(self, match: re.Match[str]) -> list[str]:
        """What filled a template's placeholders, without the counts."""
        groups = match.groupdict(default="").items()
        return [text.strip() for name, text in groups if not (name.startswith(_COUNT) and self._is_count(text))]

    def _sentences(self, filled: str) -> list[str]:
        """Filled-in lists are joined by semicolons; each item may be a known sentence again."""
        parts: list[str] = []
        for item in [] if self.is_known(filled) else filled.split(_JOINT):
            text = item.strip()
            if not text or self.is_known(text):
                continue
            match = next((m for p in self._patterns if (m := p.fullmatch(text))), None)
            parts += [group for group in self._fillings(match) if group] if match else [text]
        return [part for part in parts if not self.is_known(part)]


def _bare(line: str) -> str:
    """A line without the marks of lists and headings."""
    return line.strip().lstrip(_MARKS)


def _pattern(line: str) -> re.Pattern[str]:
    """A template line as a pattern: what fills a placeholder is a group, and counts are told apart."""

    def part(number: int, text: str) -> str:
        if text in _COUNTS:
            return rf"(?P<{_COUNT}{number}>\d+)"
        return f"(?P<filled{number}>.*?)" if _PLACEHOLDER.fullmatch(text) else re.escape(text)

    return re.compile("".join(part(number, text) for number, text in enumerate(_PLACEHOLDER.split(line))))


def _is_telling(line: str) -> bool:
    return any(char.isalpha() for char in _PLACEHOLDER.sub("", line))
