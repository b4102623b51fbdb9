"""What can go wrong, named by what the caller must do about it.

::

    HilumError
    ├── ItemError        quarantine this item with its reason, go on
    ├── TransientError   try again: the machine failed, not the item
    └── BuildError       stop
        ├── UsageError   the user's mistake: one clear line, exit 2
        └── GateRefused  a gate refused to publish: exit 3

No message may hold an identified value: messages end in logs, tables and terminals.
"""

from pathlib import Path

from cxr_core.vocabulary import Reason


class HilumError(Exception):
    """Root of every error that Hilum raises on purpose."""


class ItemError(HilumError):
    """One file, instance, report or study cannot go on; the rest can.

    Parameters
    ----------
    reason : Reason
        The code under which the item stands in the drop table.
    detail : str
        What was found, in words that hold no value of the item (a tag number, a size, a count).
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)  # both in args, so that the error survives pickling between processes
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason.value}: {self.detail}" if self.detail else self.reason.value


class TransientError(HilumError):
    """The machine failed (disk, network, a lost worker), not the item: trying again may help."""


class BuildError(HilumError):
    """Nothing sensible can follow: stop the whole run."""


class UsageError(BuildError):
    """The user asked for something impossible. The message is the one line that the user reads."""


class GateRefused(BuildError):
    """A gate refused to publish. Names the gate, the counts and what to do.

    Parameters
    ----------
    gate : str
        Name of the gate (`privacy`, `review`, `split`, `integrity`, `columns`, `counts`, `attestation`, ...).
    message : str
        Counts and advice, without identified values.
    """

    def __init__(self, gate: str, message: str) -> None:
        super().__init__(gate, message)
        self.gate = gate
        self.message = message

    def __str__(self) -> str:
        return f"gate {self.gate}: {self.message}"


def place_of(error: BaseException) -> str:
    """File and line where an error was raised: never its text, which may quote a patient."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "an unknown place"
