"""When a disk rather than an item is at fault: full, read-only, over quota.

Takes an error of the operating system, gives what stops the build with one line, or nothing. What was committed before
is safe in any case: files are written whole or not at all.
"""

import errno

from cxr_core.errors import BuildError

_RERUN = "then run the same command again: nothing that was done is lost"
_STOPS = {
    errno.ENOSPC: f"the disk is full: free some space, {_RERUN}",
    errno.EDQUOT: f"the disk quota is used up: raise it or free some space, {_RERUN}",
    errno.EFBIG: f"a file grew beyond the limit of this process (ulimit -f): raise it, {_RERUN}",
    errno.EROFS: f"the disk is mounted read-only: mount it writable, {_RERUN}",
}


def stop_of(error: BaseException) -> BuildError | None:
    """What stops the build where trying the item again cannot help.

    Returns
    -------
    BuildError, or None
        None where the error says nothing of the disk. The line holds no path: some are identified.
    """
    told = _STOPS.get(error.errno or 0) if isinstance(error, OSError) else None
    return BuildError(told) if told else None
