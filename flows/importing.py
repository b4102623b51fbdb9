"""Heavy imports, without looking for garbage in what they make.

An import makes hundreds of thousands of objects that all stay. Python's collector would go through them again and
again, which takes a fifth of the time, and once more at the very end. What is imported is left to the caller.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collecting() -> Iterator[None]:
    """Collect nothing inside, and never look again at what came of it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
