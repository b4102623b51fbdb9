"""What DICOM's own protocol says in numbers, in words that an operator can act on.

Takes status codes and reasons of refusal, gives sentences and the error that fits: another try, or stop.
"""

from cxr_core.errors import BuildError, HilumError, TransientError, UsageError

SUCCESS = 0x0000
PENDING = frozenset({0xFF00, 0xFF01})
CUT = frozenset({0xA700, 0xFE00})
"""Answers to C-FIND that end it early: out of resources, or cancelled by the peer itself."""
PARTLY = 0xB000
UNKNOWN_DESTINATION = 0xA801
OUT_OF_RESOURCES = 0xA700
NOT_AUTHORISED = 0x0124
NOT_SUPPORTED = 0x0211

_REFUSALS = {  # PS3.8 table 9-21: source, reason
    (1, 1): "it gives no reason",
    (1, 2): "it does not speak this kind of DICOM",
    (1, 3): "it does not know our AE title: enter it there",
    (1, 7): "the AE title it was called by is not its own",
    (2, 2): "it does not speak this version of DICOM",
    (3, 1): "it is busy",
    (3, 2): "it has too many associations",
}
_PERMANENT = 1


def refusal(result: int, source: int, reason: int) -> HilumError:
    """The error for a refused association (PS3.8 section 9.3.4)."""
    line = f"the PACS refused our association: {_REFUSALS.get((source, reason), f'reason {source}.{reason}')}"
    return UsageError(line) if result == _PERMANENT and source != 3 else TransientError(line)


def failed_query(status: int) -> HilumError:
    """The error for a C-FIND that ended badly (PS3.4 table C.4-1)."""
    if status == 0xA900:
        return BuildError("the PACS does not understand our query (status A900)")
    return TransientError(f"the PACS failed at a query (status {status:04X})")


def failed_transfer(status: int, our_ae_title: str, port: int) -> HilumError:
    """The error for a C-MOVE or C-GET that ended badly (PS3.4 tables C.4-2 and C.4-3)."""
    where = f"AE title {our_ae_title}, this machine's address, port {port}"
    if status == UNKNOWN_DESTINATION:
        return UsageError(f"the PACS does not know where to send: enter there {where}")
    return TransientError(f"the PACS could not send (status {status:04X}); if it never does, enter there {where}")
