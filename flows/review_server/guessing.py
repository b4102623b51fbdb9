"""How often somebody may try a token: few times from one address, and not often from all of them together.

Takes addresses and moments, says whether one more try is allowed. Tokens are too long to guess; this keeps the log
short and a fool from trying.
"""

import threading
from collections import deque
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=5)
MOST_OF_ONE = 8
MOST_OF_ALL = 60


class Guesses:
    """Failed tries of the last minutes."""

    def __init__(self) -> None:
        self._failed: deque[tuple[datetime, str]] = deque()
        self._lock = threading.Lock()

    def wait(self, address: str, at: datetime) -> int:
        """Seconds until another try is allowed; 0 for now."""
        with self._lock:
            while self._failed and self._failed[0][0] <= at - WINDOW:
                self._failed.popleft()
            own = [when for when, who in self._failed if who == address]
            if len(own) < MOST_OF_ONE and len(self._failed) < MOST_OF_ALL:
                return 0
            oldest = own[0] if len(own) >= MOST_OF_ONE else self._failed[0][0]
            return max(1, int((oldest + WINDOW - at).total_seconds()))

    def failed(self, address: str, at: datetime) -> None:
        """Note a try that opened nothing."""
        with self._lock:
            self._failed.append((at, address))
