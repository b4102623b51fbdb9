"""Looks for planted strings in bytes, in every spelling that somebody could read.

It shares no code with the program's own verifier: what that overlooks must not be overlooked twice.
"""

from collections.abc import Iterable

_CODECS = ("utf-8", "utf-16-le", "utf-16-be", "latin-1", "iso2022_jp", "euc_jp", "shift_jis", "euc_kr", "gb18030")


def spellings(canary: str) -> set[bytes]:
    """A string as bytes in all character sets that can hold it, in lower case where it is ASCII."""
    found = set()
    for codec in _CODECS:
        try:
            found.add(canary.encode(codec).lower())
        except UnicodeEncodeError:
            continue
    return found


def found_in(contents: Iterable[bytes], canaries: Iterable[str]) -> list[str]:
    """The canaries that stand in some bytes, whatever their case."""
    lowered = [content.lower() for content in contents]
    return [
        canary
        for canary in canaries
        if any(spelling in content for spelling in spellings(canary) for content in lowered)
    ]
