"""What `cxr convert` does: JPEG files of a file or a folder, in worker processes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxr_core.imaging.rendering import RenderProfile
from cxr_core.vocabulary import Reason
from flows.cli.file_pool import run_files

_WORK = "tasks.folder_work:convert"


@dataclass(slots=True)
class Converted:
    """What became of the files: counts, refusals by reason, images with a flag."""

    done: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)

    def summary(self) -> str:
        """One line for the terminal."""
        flags = "".join(f", {flag} {count}" for flag, count in sorted(self.flagged.items()))
        return f"to look at: {flags[2:] or 'none'}"


def convert_folder(
    files: Sequence[tuple[Path, Path]], output: Path, profile: RenderProfile, *, sizes: tuple[int, ...], workers: int
) -> Converted:
    """Convert each file.

    Parameters
    ----------
    files : sequence of (path, name below the folder that was given)
    output : Path
        Pictures get the names of their files; those of a smaller size lie below `files-SIZE`.
    """
    suffix = ".png" if profile is RenderProfile.PNG16 else ".jpg"
    names = picture_names([name for _, name in files], suffix)
    calls = [
        (name, (path, output / names[name], {size: output / f"files-{size}" / names[name] for size in sizes}, profile))
        for path, name in files
    ]
    told = Converted()
    for _, answer in run_files(_WORK, calls, title="convert", workers=workers):
        if isinstance(answer, Reason):
            told.refused[answer.value] += 1
        else:
            told.done += 1
            told.flagged.update(answer)
    return told


def picture_names(names: Sequence[Path], suffix: str) -> dict[Path, Path]:
    """The picture's name for each file: the same, with another suffix; two files never share one.

    The last part of a UID is no suffix, and beside `a` the file `a.dcm` becomes `a.dcm.jpg`.
    """
    targets: dict[Path, Path] = {}
    taken: set[Path] = set()
    for name in names:
        stem = name.name if name.suffix[1:].isdigit() else name.stem
        target = name.with_name(f"{stem}{suffix}")
        if target in taken:
            target = name.with_name(f"{name.name}{suffix}")
        taken.add(target)
        targets[name] = target
    return targets
