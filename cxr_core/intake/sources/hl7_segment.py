"""Decides how the fields of HL7 v2 segments are taken apart: repetitions, components, names, addresses.

Takes the fields of one segment as strings with standard separators and gives plain values, escapes undone.
Which field means what is left to `hl7_oru`.
"""

import re
from dataclasses import dataclass, field

from cxr_core.intake.identity import address_towns
from cxr_core.intake.sources.hl7_text import unescape

_HAS_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment; `fields[0]` is field 1."""

    name: str
    fields: tuple[str, ...] = field(default=(), repr=False)

    def raw(self, place: int) -> str:
        """Field as written, from 1; empty where the segment ends before it."""
        return self.fields[place - 1] if place <= len(self.fields) else ""

    def repetitions(self, place: int) -> list[list[str]]:
        """Repetitions of a field, each as its components; subcomponents stay joined by `&`."""
        raw = self.raw(place)
        return [[part.strip() for part in one.split("^")] for one in raw.split("~")] if raw else []

    def parts(self, place: int, component: int) -> list[str]:
        """One component of every repetition, plain."""
        found = [one[component - 1] if component <= len(one) else "" for one in self.repetitions(place)]
        return [unescape(text.split("&")[0]).strip() for text in found]

    def part(self, place: int, component: int) -> str:
        """One component of the first repetition, plain; empty where there is none."""
        return next(iter(self.parts(place, component)), "")


def person_name(components: list[str]) -> str:
    """XPN to `Family^Given^Middle`; the family name may itself have parts (`van&der&Meer`)."""
    family = " ".join(part for part in components[0].split("&") if part)
    return unescape("^".join([family, *components[1:3]]).strip("^ "))


def staff(components: list[str]) -> tuple[str, str]:
    """XCN or NDL to name and id.

    XCN puts an id before the family name, NDL packs all into subcomponents of the first component, and many senders
    leave the id out: a first part without digits is the family name.
    """
    parts = components[0].split("&") if "&" in components[0] else components
    is_id = not parts[0] or bool(_HAS_DIGIT.search(parts[0]))
    name = parts[1:] if is_id else parts
    written = "^".join([" ".join(filter(None, name[0].split("&"))), *name[1:3]]) if name else ""
    return unescape(written.strip("^ ")), unescape(parts[0]) if is_id else ""


def address(components: list[str]) -> tuple[str, list[str]]:
    """XAD to the whole address and its towns."""
    lines = [unescape(" ".join(part for part in text.split("&") if part)) for text in components[:6]]
    whole = ", ".join(line for line in lines if line)
    return whole, address_towns(whole)
