"""Where the file tools read and write: the files of a source, and an output that can be written and harms no source.

Takes the two paths that a user gave; gives files with their names, or one clear line before any work is done. What
lies in a folder and is no readable file is told on standard error, so that nothing is passed over in silence.
"""

import sys
import tempfile
from pathlib import Path

from cxr_core.errors import UsageError


def source_files(source: Path) -> list[tuple[Path, Path]]:
    """Each file with its name below the folder that was given; links to files count, links to folders do not.

    Raises
    ------
    UsageError
        The source is not there, cannot be listed, or holds no file.
    """
    from cxr_core.intake.sources.folder import walk_entries

    try:
        if source.is_file():
            return [(source, Path(source.name))]
        if not source.is_dir():
            raise UsageError(f"{source} is no file and no folder" if source.exists() else f"{source} does not exist")
        entries = [(path, path.relative_to(source)) for path in walk_entries(source)]
    except OSError:
        raise UsageError(f"{source} cannot be read") from None
    for path, name in entries:
        if not path.is_file():
            sys.stderr.write(f"{name}: passed over, {_nature(path)}\n")
    files = [(path, name) for path, name in entries if path.is_file()]
    if not files:
        raise UsageError(f"{source} holds no file")
    return sorted(files)


def _nature(path: Path) -> str:
    if path.is_symlink():
        return "a link to a folder" if path.is_dir() else "a link to nothing"
    return "a folder that cannot be listed" if path.is_dir() else "no regular file"


def refuse_output_among_sources(output: Path, source: Path) -> None:
    """Refuse an output whose files replace the sources, or are read as sources next time.

    Raises
    ------
    UsageError
        The output lies inside the folder of sources, or is the folder of the one file.
    """
    if source.is_dir() and output.resolve().is_relative_to(source.resolve()):
        raise UsageError(f"{output} does not lie outside {source}: give the output a folder of its own")
    if source.is_file() and (output / source.name).resolve() == source.resolve():
        raise UsageError(f"{output} is the folder of {source.name}: give the output a folder of its own")


def make_writable(folder: Path, told: Path | None = None) -> None:
    """Make a folder and try it, so that hours of work do not end before one that takes nothing.

    Parameters
    ----------
    told : Path, optional
        What the line names instead, where a file is meant that is written last.

    Raises
    ------
    UsageError
        It cannot be made, or takes no file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        raise UsageError(f"{told or folder} cannot be written") from None
