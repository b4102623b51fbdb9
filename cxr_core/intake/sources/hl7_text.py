"""Decides how the text inside HL7 v2 bytes is written: framing, character set, escapes.

Takes the bytes of a file and gives one string a message; takes an escaped field and gives plain text.
What the fields mean is left to `hl7_oru`.
"""

import re

from cxr_core.intake.sources.table_lines import decode

# HL7 table 0211. What is not listed is tried as UTF-8, then as Windows-1252.
_CHARSETS = {
    "ASCII": "cp1252",
    "8859/1": "cp1252",  # senders that say 8859/1 also send the quotation marks of Windows-1252
    **{f"8859/{part}": f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "UNICODE UTF-8": "utf-8",
    "ISO IR6": "ascii",
    "ISO IR14": "iso2022_jp",
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_1",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "CNS 11643-1992": "big5",
    "BIG-5": "big5",
}
_SEGMENT = re.compile(rb"[A-Z][A-Z0-9]{2}(?:[^\w\s]|$)")
_ENVELOPE = (b"FHS", b"BHS", b"BTS", b"FTS")
_ESCAPE = re.compile(r"\\(\.?[A-Za-z][^\\\r\n]{0,80}|\.[a-z]{2}[+-]?\d*)\\")
_SEPARATORS = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\", "P": "#"}


def split_messages(content: bytes) -> list[bytes]:
    r"""Part a file into messages, segments ended by CR.

    Knows single messages and batches (FHS, BHS), MLLP framing, CR, LF and CRLF, UTF-16 with a byte order mark. A line
    that opens no segment goes on with the line before (a raw line break inside a field). Lines before the first MSH are
    one broken message, so that they are counted.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        content = decode(content).encode("utf-8")
    content = content.removeprefix(b"\xef\xbb\xbf").replace(b"\x0b", b"\r").replace(b"\x1c", b"\r")
    messages: list[list[bytes]] = []
    for line in re.split(rb"\r\n|\r|\n", content):
        if not line.strip() or line[:3] in _ENVELOPE:
            continue
        if line[:3] == b"MSH" or not messages:
            messages.append([line])
        elif _SEGMENT.match(line):
            messages[-1].append(line)
        else:
            messages[-1][-1] += b"\\.br\\" + line
    return [b"\r".join(lines) for lines in messages]


def decode_message(message: bytes) -> str:
    """Bytes of one message to text by the character set of MSH-18 (the first, where it names several)."""
    header = message.split(b"\r", 1)[0]
    fields = header.split(header[3:4]) if len(header) > 3 else []
    repetition = header[5:6] or b"~"
    declared = fields[17].split(repetition)[0].decode("ascii", "replace").strip().upper() if len(fields) > 17 else ""
    try:
        return message.decode(_CHARSETS.get(declared, "utf-8"))
    except UnicodeDecodeError:
        return decode(message)


def unescape(text: str) -> str:
    r"""Undo HL7 escapes: `\.br\` to a line break, `\T\` to `&`, `\X41\` to `A`; formatting commands vanish.

    Backslashes that open no known escape stay.

    Source: HL7 v2.5 chapter 2.7.
    """
    return _ESCAPE.sub(_undo, text) if "\\" in text else text


def _undo(match: re.Match[str]) -> str:
    command = match.group(1)
    if command in _SEPARATORS:
        return _SEPARATORS[command]
    if re.fullmatch(r"[HN]|C[0-9A-Fa-f]{4}|M[0-9A-Fa-f]{4,6}", command):
        return ""
    if command[0] == "X" and re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", command[1:]):
        return decode(bytes.fromhex(command[1:])).replace("\r\n", "\n").replace("\r", "\n")
    if breaks := re.fullmatch(r"\.(?:br|sp|ce)\+?(\d*)", command):
        return "\n" * min(int(breaks.group(1) or 1), 20)
    return "" if re.fullmatch(r"\.(?:in|ti|fi|nf|sk)[+-]?\d*", command) else _as_written(command)


def _as_written(command: str) -> str:
    """A pair of backslashes that is no escape, as it stood."""
    return f"\\{command}\\"
