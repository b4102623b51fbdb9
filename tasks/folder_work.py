"""What a worker does for the file tools: one study of `cxr deidentify`, one file of `cxr redact` or `cxr convert`.

Takes what it needs through the pipe that leads to the worker, so that nothing identified lies outside the vault;
gives counts, boxes and refusals. Never imports Prefect: workers start quickly.
"""

import functools
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_core.settings.build import BuildConfig
from cxr_core.tables.storage import write_bytes
from cxr_core.vault.dictionary import SiteDictionary

if TYPE_CHECKING:
    from cxr_core.deidentify.pixels import TextReader
    from cxr_core.deidentify.study import Airlock
    from cxr_core.imaging.rendering import RenderProfile


def deidentify(
    source: Path, output: Path, config: BuildConfig, site: SiteDictionary, row: Mapping[str, Any]
) -> tuple[int, dict[str, str]]:
    """De-identify one study.

    Parameters
    ----------
    row : row of the REQUESTS table

    Returns
    -------
    (files written, refused images: dicom_id -> reason code)

    Raises
    ------
    ItemError
        The whole study waits.
    """
    from cxr_core.deidentify.study import StudyRequest

    request = StudyRequest.from_row(row)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's warnings print values
        result = _airlock(source, config.model_dump_json(), site).run(request)
    folder = output / f"p{request.subject_id[:2]}" / f"p{request.subject_id}" / f"s{request.study_id}"
    for image in result.images:
        write_bytes(folder / f"{image.dicom_id}.dcm", image.content)
    return len(result.images), {dicom_id: reason.value for dicom_id, reason in result.dropped}


@functools.lru_cache(maxsize=1)
def _airlock(source: Path, configuration: str, site: SiteDictionary) -> "Airlock":
    from cxr_core.deidentify.study import Airlock

    return Airlock.open(BuildConfig.model_validate_json(configuration), source, site)


def redact(path: Path, target: Path, readers: tuple[str, ...], sheet: Path | None) -> dict[str, Any]:
    """Black out the burned-in text of one file.

    Parameters
    ----------
    sheet : Path, optional
        Where the picture before and after goes.

    Returns
    -------
    dict
        `boxes`: rows of the TEXT_BOXES table; `flags`: what a person should look at.

    Raises
    ------
    ItemError
        As `redact_file` raises it; nothing is written then.
    """
    from cxr_core.deidentify.redaction import redact_file
    from cxr_core.policy.markers import load_marker_policy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's warnings print values
        result = redact_file(path, readers=_readers(readers), markers=load_marker_policy(), has_sheet=sheet is not None)
    if sheet is not None and result.sheet is not None:
        write_bytes(sheet, result.sheet, mode=0o600)  # it shows what was removed
    write_bytes(target, result.content)
    return {"boxes": list(result.box_rows), "flags": [flag.value for flag in result.flags]}


def convert(path: Path, target: Path, smaller: Mapping[int, Path], profile: "RenderProfile") -> list[str]:
    """Write the pictures of one file.

    Parameters
    ----------
    target : Path
        Where the full-size picture goes.
    smaller : mapping of size to Path
        Where the smaller ones go.

    Returns
    -------
    list of str
        Quality flags that were raised.

    Raises
    ------
    ItemError
        As `convert_image` raises it; nothing is written then.
    """
    from cxr_core.imaging.convert import convert_image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's warnings print values
        result = convert_image(path, profile, sizes=tuple(smaller))
    write_bytes(target, result.encoded)
    for one in result.derivatives:
        write_bytes(smaller[one.shorter_side_px], one.encoded)
    return [flag.value for flag in result.quality.flags]


@functools.lru_cache(maxsize=1)
def _readers(names: tuple[str, ...]) -> "tuple[TextReader, ...]":
    from cxr_core.deidentify.pixels import build_readers

    return build_readers(names)
