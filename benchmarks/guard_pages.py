"""Puts the input of C decoders right before a page that cannot be read, so that reading behind it ends the process.

Takes functions whose first argument is bytes, and gives the same functions over guarded copies. A decoder that reads
beyond its input otherwise goes unnoticed until the memory behind it happens not to be there.
"""

import ctypes
import mmap
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_NOTHING, _READ_WRITE = 0, 3  # PROT_NONE, PROT_READ | PROT_WRITE


def guard_module(module: ModuleType, names: Iterable[str]) -> None:
    """Replace functions of a module by their guarded forms."""
    for name in names:
        setattr(module, name, guarded(getattr(module, name)))


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function over a copy of its first argument that ends where readable memory ends."""

    def call(data: bytes, *arguments: Any, **options: Any) -> Any:
        readable = -(-max(len(data), 1) // mmap.PAGESIZE) * mmap.PAGESIZE
        memory = mmap.mmap(-1, readable + mmap.PAGESIZE)
        anchor = ctypes.c_char.from_buffer(memory)
        page = ctypes.addressof(anchor) + readable
        memory[readable - len(data) : readable] = data
        view = memoryview(memory)[readable - len(data) : readable]
        if _LIBC.mprotect(page, mmap.PAGESIZE, _NOTHING):
            raise OSError(ctypes.get_errno(), "mprotect")
        try:
            return function(view, *arguments, **options)
        finally:
            _LIBC.mprotect(page, mmap.PAGESIZE, _READ_WRITE)
            view.release()
            del anchor
            memory.close()

    return call
