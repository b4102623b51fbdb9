"""What of a document is the text of its template, and what was filled in.

Takes the lines of the templates with `$placeholders` and whole known sentences; gives, for a line of a document, the
parts that no template explains. Only these are searched: a template was written before any patient was known. Numbers
where a template counts, and numbers alone in a cell of a table, are counts: they equal ids by chance.
"""

import re
from collections.abc import Iterable

_PLACEHOLDER = re.compile(r"(\$[a-z_]+)")
_COUNTS = frozenset({"$images", "$studies", "$subjects", "$count"})
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_JOINT = "; "
_MARKS = "-#* "


class KnownText:
    """Known lines and sentences of a release's documents.

    Parameters
    ----------
    lines : iterable of str
        Template lines. A line that holds nothing but a placeholder explains nothing.
    """

    def __init__(self, lines: Iterable[str] = ()) -> None:
        stripped = {_bare(line) for line in lines}
        self._whole = {line for line in stripped if not _PLACEHOLDER.search(line)}
        self._patterns = [_pattern(line) for line in sorted(stripped - self._whole) if _is_telling(line)]

    def unexplained(self, line: str) -> list[str]:
        """The parts of a line that were filled in; the whole line where no template matches."""
        text = _bare(line)
        if not text or text in self._whole:
            return []
        if text.startswith("|"):
            cells = [cell.strip() for cell in text.strip("|").split("|")]
            return [
                part
                for cell in cells
                if cell.strip("-:") and not _NUMBER.fullmatch(cell)
                for part in self._filled(cell)
            ]
        return self._filled(text)

    def _filled(self, text: str) -> list[str]:
        for pattern in self._patterns:
            match = pattern.fullmatch(text)
            if match:
                return [part for filled in match.groups() for part in self._sentences(filled)]
        return self._sentences(text)

    def _sentences(self, filled: str) -> list[str]:
        """Filled-in lists are joined by semicolons; each item may be a known sentence again."""
        parts: list[str] = []
        for item in filled.split(_JOINT):
            text = item.strip()
            if not text or text in self._whole:
                continue
            match = next((m for p in self._patterns if (m := p.fullmatch(text))), None)
            parts += [group.strip() for group in match.groups() if group.strip()] if match else [text]
        return [part for part in parts if part not in self._whole]


def _bare(line: str) -> str:
    """A line without the marks of lists and headings."""
    return line.strip().lstrip(_MARKS)


def _pattern(line: str) -> re.Pattern[str]:
    """A template line as a pattern: what fills a placeholder is a group, a count explains itself."""

    def part(text: str) -> str:
        if text in _COUNTS:
            return r"\d+"
        return "(.*?)" if _PLACEHOLDER.fullmatch(text) else re.escape(text)

    return re.compile("".join(map(part, _PLACEHOLDER.split(line))))


def _is_telling(line: str) -> bool:
    return any(char.isalpha() for char in _PLACEHOLDER.sub("", line))
