"""A multipart body comes apart into the same parts, however it is cut into chunks."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.errors import TransientError
from cxr_core.intake.sources.multipart import boundary_of, split_parts

BOUNDARY = b"b-1"


def _body(parts: list[bytes], *, with_length: bool) -> bytes:
    told = (b"Content-Length: %d\r\n" % len(part) if with_length else b"" for part in parts)
    made = b"".join(
        b"--b-1\r\nContent-Type: application/dicom\r\n" + length + b"\r\n" + part + b"\r\n"
        for part, length in zip(parts, told, strict=True)
    )
    return made + b"--b-1--\r\n"


def _chunks(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


@given(
    parts=st.lists(st.binary(max_size=60).filter(lambda part: b"\r\n--b-1" not in part), min_size=1, max_size=4),
    size=st.integers(1, 40),
    with_length=st.booleans(),
)
def test_any_chunks_give_the_parts(parts: list[bytes], size: int, with_length: bool) -> None:
    assert list(split_parts(_chunks(_body(parts, with_length=with_length), size), BOUNDARY)) == parts


def test_a_length_that_is_told_lets_a_part_hold_the_boundary() -> None:
    part = b"abc\r\n--b-1\r\ndef"
    assert list(split_parts([_body([part], with_length=True)], BOUNDARY)) == [part]


@given(left=st.integers(0, 120))
def test_a_body_that_ends_too_early_is_another_try(left: int) -> None:
    body = _body([b"x" * 50], with_length=False)
    with pytest.raises(TransientError):
        list(split_parts([body[: min(left, body.rindex(b"--") - 1)]], BOUNDARY))


@pytest.mark.parametrize(
    ("content_type", "wanted"),
    [
        ('multipart/related; type="application/dicom"; boundary=abc', b"abc"),
        ('Multipart/Related; boundary="a;b c"; type="application/dicom"', b"a;b c"),
        ("application/dicom", None),
        ("multipart/related", None),
        ("", None),
    ],
)
def test_the_boundary_is_read_from_the_type(content_type: str, wanted: bytes | None) -> None:
    assert boundary_of(content_type) == wanted
