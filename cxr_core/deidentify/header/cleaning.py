"""What stays of descriptions, makers and coded items: only what the closed dictionaries hold.

Takes a source dataset and a rule, gives cleaned values with the number of code items that were dropped.
Numbers, enumerations and dates are left to `checkers` and `dates`.
"""

import re
from dataclasses import dataclass, field

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from cxr_core.deidentify.header.reading import read, read_items, text_of
from cxr_core.policy.codes import Code, CodeContext, CodeDictionary

_CODE_VALUE, _SCHEME, _MEANING = 0x00080100, 0x00080102, 0x00080104
_MAX_ITEMS = 8  # real sequences hold one or two; a fuzzed one may hold a hundred thousand
_NAME_TAGS = (
    0x00100010,  # PatientName
    0x00101001,  # OtherPatientNames
    0x00101005,  # PatientBirthName
    0x00101060,  # PatientMotherBirthName
    0x00102297,  # ResponsiblePerson
    0x00080090,  # ReferringPhysicianName
    0x00081048,  # PhysiciansOfRecord
    0x00081050,  # PerformingPhysicianName
    0x00081060,  # NameOfPhysiciansReadingStudy
    0x00081070,  # OperatorsName
    0x00321032,  # RequestingPhysician
    0x00400006,  # ScheduledPerformingPhysicianName
)
_NAME_COMPONENTS = 3  # family, given, middle; prefix and suffix ("PA", "MD") are no names
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class KeptCodes:
    """The items of a sequence that are listed, and how many were not."""

    codes: tuple[Code, ...]
    dropped: int


@dataclass(slots=True)
class PeopleNames:
    """Name words of everybody in this header, read once and only if a description asks.

    Parameters
    ----------
    source : Dataset
        Identified header.
    known : frozenset of str
        Lower-case words that the caller's dictionary adds.
    """

    source: Dataset = field(repr=False)
    known: frozenset[str] = field(repr=False)
    _words: frozenset[str] | None = field(default=None, repr=False)

    @property
    def words(self) -> frozenset[str]:
        """Lower-case words of three letters and more: shorter ones collide with PA, AP, LL."""
        if self._words is None:
            self._words = self.known | name_words(self.source)
        return self._words


def name_words(source: Dataset) -> frozenset[str]:
    """Collect the words of family, given and middle names of three letters and more, lower case."""
    words: set[str] = set()
    for tag in _NAME_TAGS:
        for name in read(source, tag).values:
            for group in str(name).split("="):
                for component in group.split("^")[:_NAME_COMPONENTS]:
                    words.update(word.lower() for word in _LETTERS.findall(component) if len(word) >= 3)
    return frozenset(words)


def kept_codes(source: Dataset, tag: int, context: CodeContext, dictionary: CodeDictionary) -> KeptCodes:
    """Keep the items of one code sequence whose (scheme, value) is listed for its context."""
    items = read_items(source, tag)
    if items is None:
        return KeptCodes((), 1)
    codes: list[Code] = []
    for item in items[:_MAX_ITEMS]:
        scheme, value = text_of(read(item, _SCHEME)), text_of(read(item, _CODE_VALUE))
        code = dictionary.find(context, scheme, value)
        if code is not None:
            codes.append(code)
    return KeptCodes(tuple(codes), len(items) - len(codes))


def code_item(code: Code) -> Dataset:
    """Build a code sequence item (PS3.3 table 8.8-1) that holds nothing but the three code attributes."""
    item = Dataset()
    item.add(DataElement(_CODE_VALUE, "SH", code.value))
    item.add(DataElement(_SCHEME, "SH", code.scheme))
    item.add(DataElement(_MEANING, "LO", code.meaning))
    return item
