"""Decides what a FHIR file holds: a bundle, one resource, an array or one resource a line (bulk data).

Takes bytes and gives resources and, where a resource is no valid DiagnosticReport of a release we know, says so.
The only module that imports `fhir.resources`; what a report says is left to `fhir`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cxr_core.errors import UsageError

_REPORT = "DiagnosticReport"
_MAX_DEPTH = 3  # of bundles within bundles


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource; `body` is its JSON object."""

    kind: str
    url: str = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)

    @property
    def names(self) -> list[str]:
        """What references call it."""
        ident = self.body.get("id")
        return [name for name in (self.url, f"{self.kind}/{ident}" if ident else "") if name]

    @property
    def is_report(self) -> bool:
        """True for a DiagnosticReport."""
        return self.kind == _REPORT


def is_fhir(head: bytes) -> bool:
    """True for the first bytes of JSON; which JSON it is, is told by its resources."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def read_resources(content: bytes) -> Iterator[Resource | None]:
    """The resources of a file, those of bundles one by one; None where a line or an entry is no resource."""
    plain = content.removeprefix(b"\xef\xbb\xbf")
    whole = _parsed(plain)
    for found in (whole,) if whole is not None else map(_parsed, filter(bytes.strip, plain.splitlines())):
        yield from _unpack(found, "", 0)


def _parsed(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _unpack(found: object, url: str, depth: int) -> Iterator[Resource | None]:
    if isinstance(found, list):
        for one in found:
            yield from _unpack(one, "", depth + 1)
    elif not isinstance(found, dict) or not isinstance(kind := found.get("resourceType"), str) or depth > _MAX_DEPTH:
        yield None
    elif kind == "Bundle":
        entries = found.get("entry")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and "resource" in entry:
                yield from _unpack(entry["resource"], str(entry.get("fullUrl") or ""), depth + 1)
    else:
        yield Resource(kind, url, found)


def is_valid_report(resource: Resource) -> bool:
    """True where a release of FHIR (R4 and R4B, STU3, R5) accepts the resource as a DiagnosticReport.

    Raises
    ------
    UsageError
        The library is not installed.
    """
    # pydantic's errors quote the values they refuse, so nothing of them goes on.
    for model in _models():
        try:
            model.model_validate(dict(resource.body))
        except (ValueError, TypeError, RecursionError):
            continue
        return True
    return False


@lru_cache(maxsize=1)
def _models() -> tuple[Any, ...]:
    try:
        from fhir.resources import diagnosticreport as r5
        from fhir.resources.R4B import diagnosticreport as r4
        from fhir.resources.STU3 import diagnosticreport as stu3
    except ImportError:
        raise UsageError("reports: FHIR needs the extra `fhir`; install it with pip install 'hilum[fhir]'") from None
    return r4.DiagnosticReport, stu3.DiagnosticReport, r5.DiagnosticReport
