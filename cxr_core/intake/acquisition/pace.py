"""How hard a PACS may be worked: within which hours, and how many bytes a second.

Takes times and byte counts, gives seconds to wait; the clock and the waiting itself come from outside.
"""

import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and waiting, so that tests need neither."""

    now: Callable[[], dt.datetime] = field(default=lambda: dt.datetime.now(dt.UTC), repr=False)
    local: Callable[[], dt.time] = field(default=lambda: dt.datetime.now().time(), repr=False)  # noqa: DTZ005  the wall
    monotonic: Callable[[], float] = field(default=time.monotonic, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)


def is_open(hours: tuple[dt.time, dt.time] | None, moment: dt.time) -> bool:
    """True within the hours, which may go over midnight; equal ends mean the whole day."""
    if hours is None or hours[0] == hours[1]:
        return True
    begin, end = hours
    return begin <= moment < end if begin < end else moment >= begin or moment < end


@dataclass(slots=True)
class Pace:
    """Spreads transfers so that the average stays below a limit.

    Parameters
    ----------
    bytes_per_s : float
        0 for no limit.
    clock : Clock
    """

    bytes_per_s: float
    clock: Clock = field(repr=False)
    _free_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def spent(self, size: int) -> None:
        """So many bytes were moved."""
        if not self.bytes_per_s:
            return
        with self._lock:
            self._free_at = max(self._free_at, self.clock.monotonic()) + size / self.bytes_per_s

    def wait(self) -> None:
        """Wait until more may be moved."""
        with self._lock:
            left = self._free_at - self.clock.monotonic()
        if self.bytes_per_s and left > 0:
            self.clock.sleep(left)
