"""Character sets: wrong, mixed, escaped, unknown, and those that only Python knows.

The header that they spoil is otherwise plain; which elements may leave at all is in `headers`.
"""

from collections.abc import Callable
from functools import partial

from dicom_bytes import Element, around, image, items, part10, text
from threat import Beyond, Family, Outcome, Threat, file_threat

from cxr_core.vocabulary import Reason

_CHARSET, _NAME, _PATIENT_ID, _INSTITUTION = 0x00080005, 0x00100010, 0x00100020, 0x00080080
_REQUEST = 0x00400275
_ESC = b"\x1b"
_CLEANED_OR_TYPE1: tuple[Outcome, ...] = (Beyond.CLEANED, Reason.E_TYPE1)

_file = partial(file_threat, Family.ENCODINGS)


def _written(charset: str | bytes, name: bytes, *more: Element) -> Callable[[str], bytes]:
    """The plain image with a declared character set and the bytes of a name."""
    return lambda entry: image(entry, text(_CHARSET, "CS", charset), text(_NAME, "PN", name), *more)


def _nested(entry: str) -> bytes:
    """Every item of a sequence may declare a character set of its own."""
    contents = [
        [text(_CHARSET, "CS", charset), text(0x00321032, "PN", name)]
        for charset, name in (
            ("ISO_IR 100", "QZXLATIN^\xe9".encode("latin-1")),
            ("ISO_IR 192", "QZXUNICODE^\xe9".encode()),
            ("ISO 2022 IR 87", b"QZXJAPAN^" + "山田".encode("iso2022_jp")),
            ("QZXSET", b"QZXNOBODY^\xff"),
        )
    ]
    low, high = around(entry, _REQUEST)
    return part10([*low, items(_REQUEST, *contents), *high])


def _python_only(charset: str, name: bytes) -> Callable[[str], bytes]:
    """A codec of Python under its own name, which pydicom takes for a character set."""
    return _written(charset, name, text(_INSTITUTION, "LO", b"QZXHOLM " + name))


THREATS: list[Threat] = [
    _file(
        "latin-bytes-declared-as-unicode",
        "The bytes are no UTF-8, and decoding them fails or loses letters.",
        _written("ISO_IR 192", "QZXVANÉ^ORLAQZ".encode("latin-1")),
        Beyond.CLEANED,
        canaries=["QZXVANÉ"],
    ),
    _file(
        "unicode-bytes-declared-as-latin",
        "Every letter beyond ASCII becomes two others, and no longer matches the name in a report.",
        _written("ISO_IR 100", "QZXVANÉ^ORLAQZ".encode()),
        Beyond.CLEANED,
        canaries=["QZXVANÉ"],
    ),
    _file(
        "letters-without-a-character-set",
        "Nothing is declared, and bytes beyond ASCII are there.",
        lambda entry: image(entry, text(_NAME, "PN", "QZXVANÉ^ORLAQZ".encode("cp1252")), without=[_CHARSET]),
        Beyond.CLEANED,
        canaries=["QZXVANÉ"],
    ),
    _file(
        "japanese-with-escapes",
        "ISO 2022: the same name in three scripts, switched by escape sequences (PS3.5 annex H).",
        _written("\\ISO 2022 IR 87", b"QZXYAMADA^TARO=" + "山田^太郎".encode("iso2022_jp")),
        Beyond.CLEANED,
        canaries=["QZXYAMADA", "山田"],
    ),
    _file(
        "korean-with-escapes",
        "ISO 2022 IR 149: the escape sequence is declared once a line (PS3.5 annex I).",
        _written(
            "\\ISO 2022 IR 149",
            b"QZXHONG^GILDONG=\x1b$)C" + "洪".encode("euc_kr") + b"^\x1b$)C" + "吉洞".encode("euc_kr"),
        ),
        Beyond.CLEANED,
        canaries=["QZXHONG", "洪"],
    ),
    _file(
        "chinese-with-backslashes",
        "GB18030 has letters whose second byte is the separator of values.",
        _written("GB18030", b"QZXWANG^" + "誠誠".encode("gb18030") + b"\x81\x5c\x81\x5c"),
        Beyond.CLEANED,
        canaries=["QZXWANG", "誠誠"],
    ),
    _file(
        "shift-jis-with-backslashes",
        "Shift JIS does, too, and equals sign and caret besides.",
        _written("ISO 2022 IR 13", b"QZXHYO^" + "表示".encode("shift_jis")),
        Beyond.CLEANED,
        canaries=["QZXHYO"],
    ),
    _file(
        "escapes-that-nothing-declares",
        "Escape sequences without a character set that has them.",
        _written("ISO_IR 100", b"QZX\x1b$BVANE\x1b(B^ORLAQZ\x1b$)C\x1b\x1b"),
        Beyond.CLEANED,
    ),
    _file(
        "escapes-in-the-patient-id",
        "The id is read in two stages, by different means.",
        _written("\\ISO 2022 IR 87", b"QZXVANE", text(_PATIENT_ID, "LO", b"QZXID\x1b$B;3ED\x1b(B7")),
        _CLEANED_OR_TYPE1,
        canaries=["QZXID"],
    ),
    _file(
        "letters-in-the-patient-id",
        "The id has letters beyond ASCII that are no valid UTF-8.",
        _written("ISO_IR 192", b"QZXVANE", text(_PATIENT_ID, "LO", b"QZXID\xe9\xff7")),
        _CLEANED_OR_TYPE1,
        canaries=["QZXID"],
    ),
    _file(
        "character-sets-in-items",
        "Items of one sequence declare four different character sets, one of them unknown.",
        _nested,
        Beyond.CLEANED,
        canaries=["QZXLATIN", "QZXUNICODE", "QZXJAPAN", "QZXNOBODY", "QZXSET"],
    ),
    _file(
        "a-character-set-that-nobody-knows",
        "The name of the set is copied into a warning, and here it is a patient's.",
        _written("QZXVANE ORLAQZ", "QZXVANÉ^ORLAQZ".encode()),
        _CLEANED_OR_TYPE1,
    ),
    _file(
        "six-character-sets",
        "Sets that allow no company, next to others.",
        _written("ISO_IR 192\\ISO 2022 IR 87\\GB18030\\ISO_IR 6\\ISO 2022 IR 159\\QZXSET", b"QZXVANE^\xe9\x1b$(DQ"),
        _CLEANED_OR_TYPE1,
        canaries=["QZXSET"],
    ),
    _file(
        "a-character-set-of-bytes",
        "The name of the set is itself no text.",
        _written(b"\xff\xfe\x00Q", b"QZXVANE^\xe9"),
        (*_CLEANED_OR_TYPE1, Reason.E_NOT_DICOM),
    ),
    _file(
        "wide-letters",
        "UTF-16 in a name: every second byte is zero.",
        _written("ISO_IR 192", "QZXVANE^ORLAQZ".encode("utf-16-le")),
        Beyond.CLEANED,
    ),
    _file(
        "zeros-between-the-letters",
        "A search for the name does not find it; a terminal shows it all the same.",
        _written("ISO_IR 100", b"Q\0Z\0X\0V\0A\0N\0E\0", text(0x00081030, "LO", b"CHEST \0QZXVANE")),
        Beyond.CLEANED,
    ),
    _file(
        "utf-7-as-a-character-set",
        "Python's UTF-7 gives half of a pair of surrogates, which no table and no file can hold.",
        _python_only("utf_7", b"+2AA-\xe9"),
        _CLEANED_OR_TYPE1,
    ),
    _file(
        "escapes-of-python-as-a-character-set",
        "A codec that makes any letter, and no letter at all, out of ASCII.",
        _python_only("raw_unicode_escape", b"QZXVANE\x1bud800\xe9"),
        _CLEANED_OR_TYPE1,
    ),
    _file(
        "zlib-as-a-character-set",
        "Not every codec of Python makes text.",
        _python_only("zlib", b"x\x9c\xe9\xff"),
        _CLEANED_OR_TYPE1,
    ),
    _file(
        "punycode-as-a-character-set",
        "A codec that takes quadratic time, over the longest name that fits.",
        _python_only("punycode", _ESC + b"a" * 30_000 + b"-" + b"99" * 15_000),
        _CLEANED_OR_TYPE1,
    ),
    _file(
        "domain-names-as-a-character-set",
        "So does the codec of international domain names.",
        _python_only("idna", _ESC + b"xn--" + b"a" * 60_000),
        _CLEANED_OR_TYPE1,
    ),
]
