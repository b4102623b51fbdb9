"""Decides what Open-I, ChestX-ray14 and JSRT say of their pictures: study, patient, view, age, sex, labels.

Takes the folder of a collection as it is downloaded and unpacked, gives one record a picture and the names of what is
missing. Reading pixels is left to `pictures`, reports to `sources.openi`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cxr_core.errors import UsageError
from cxr_core.intake.collections.model import CollectionImage
from cxr_core.intake.sources.folder import walk_files
from cxr_core.intake.sources.openi import image_names, is_openi
from cxr_core.intake.sources.table_lines import UnreadableTable, decode, table_lines
from cxr_core.vocabulary import Label

_HEAD_BYTES = 1024
_OPENI_NAME = re.compile(r"(\d+)_(IM-[\d-]+)$")
_JSRT_NAME = re.compile(r"JPC(LN|NN)\d{3}")
_JSRT_SPACING_MM = 0.175
_AGE = re.compile(r"0*(\d{1,3})([YMWD]?)")
_VIEWS = {"frontal": "PA", "lateral": "LATERAL"}

# Words of ChestX-ray14 and the label that means the same; Emphysema, Fibrosis and Hernia have none (decision 13).
_CHESTXRAY14 = {
    "Atelectasis": Label.ATELECTASIS,
    "Cardiomegaly": Label.CARDIOMEGALY,
    "Consolidation": Label.CONSOLIDATION,
    "Edema": Label.EDEMA,
    "Effusion": Label.PLEURAL_EFFUSION,
    "Infiltration": Label.LUNG_OPACITY,
    "Mass": Label.LUNG_LESION,
    "Nodule": Label.LUNG_LESION,
    "Pneumonia": Label.PNEUMONIA,
    "Pneumothorax": Label.PNEUMOTHORAX,
    "Pleural_Thickening": Label.PLEURAL_OTHER,
    "No Finding": Label.NO_FINDING,
}


@dataclass(frozen=True, slots=True)
class Collection:
    """The pictures of a collection, and what its tables name but the folder does not hold, or the other way round."""

    images: tuple[CollectionImage, ...]
    missing: tuple[str, ...]
    reports: tuple[Path, ...] = ()


def read_openi(root: Path) -> Collection:
    """Open-I: ecgen XML files and, anywhere below, PNG or DICOM files named as in the XML.

    The view is taken from a table with the columns filename and projection, where one lies in the folder.
    """
    files = list(walk_files(root))
    views = {_stem(row["filename"]): _VIEWS.get(row["projection"].casefold(), "") for row in _rows(files, "projection")}
    pictures = {
        key: path for path in files if path.suffix.lower() in (".png", ".dcm") and (key := _openi_key(path.name))
    }
    reports = tuple(path for path in files if path.suffix.lower() == ".xml" and _is_openi(path))
    cases = [image_names(path.read_bytes()) for path in reports]
    images, missing = [], []
    for case, names in sorted(cases):
        for name in names:
            path = pictures.pop(_openi_key(name) or ("", ""), None)
            if path is None:
                missing.append(name)
                continue
            view = views.get(_stem(path.name), "")
            images.append(CollectionImage(path, name, case, case, view))
    return _found(
        images, [*missing, *(path.name for path in pictures.values())], "Open-I: XML files with their images", reports
    )


def _is_openi(path: Path) -> bool:
    with path.open("rb") as file:
        return is_openi(file.read(_HEAD_BYTES))


def _openi_key(name: str) -> tuple[str, str] | None:
    """Case and picture of a name in any of its spellings: `CXR1_1_IM-0001-3001`, `1_IM-0001-3001.dcm.png`."""
    found = _OPENI_NAME.search(_stem(name))
    return (found[1], found[2]) if found else None


def _stem(name: str) -> str:
    return re.sub(r"(?:\.(?:png|dcm|jpg))+$", "", name.strip(), flags=re.IGNORECASE)


def read_chestxray14(root: Path) -> Collection:
    """ChestX-ray14: `Data_Entry_2017*.csv` and, anywhere below, the PNG files that it names.

    Every picture is a study of its own (a follow-up), tied to its patient. Ages above 110 are slips of the table.
    """
    files = list(walk_files(root))
    pictures = {path.name: path for path in files if path.suffix.lower() == ".png"}
    images, missing = [], []
    for row in _rows(files, "Finding Labels"):
        name = row["Image Index"]
        path = pictures.pop(name, None)
        if path is None:
            missing.append(name)
            continue
        findings = row["Finding Labels"].split("|")
        labels = {_CHESTXRAY14[word]: 1 for word in findings if word in _CHESTXRAY14}
        images.append(
            CollectionImage(
                path, name, Path(name).stem, row["Patient ID"], row.get("View Position", ""),
                _years(row.get("Patient Age", "")), _sex(row.get("Patient Gender") or row.get("Patient Sex", "")),
                _scaled_spacing(row), "|".join(findings), labels, {"follow_up": row.get("Follow-up #", "")},
            )
        )  # fmt: skip
    return _found(images, [*missing, *pictures], "ChestX-ray14: Data_Entry_2017*.csv with its PNG files")


def _scaled_spacing(row: Mapping[str, str]) -> float | None:
    """Pixel spacing of the picture as it is given (1024 columns), from that of the original."""
    values = {re.sub(r"[^a-z]", "", key.casefold()): value for key, value in row.items()}
    try:
        spacing = float(values["originalimagepixelspacingx"]) * float(values["originalimagewidth"]) / 1024
    except (KeyError, ValueError):
        return None
    return spacing if 0.01 < spacing < 10 else None


def read_jsrt(root: Path) -> Collection:
    """JSRT: `.IMG` files and the clinical tables (`CLNDAT*`, `CNNDAT*`, or the same as CSV), one patient a picture."""
    files = list(walk_files(root))
    told = {}
    for path in files:
        if path.suffix.lower() in (".txt", ".csv"):
            told.update(_jsrt_rows(path))
    images = [
        _jsrt_image(path, path.stem.upper(), told.get(path.stem.upper(), []))
        for path in files
        if path.suffix.lower() == ".img" and _JSRT_NAME.fullmatch(path.stem.upper())
    ]
    missing = sorted(set(told) ^ {image.name for image in images})
    return _found(images, missing, "JSRT: .IMG files with their clinical tables")


def _jsrt_rows(path: Path) -> dict[str, list[str]]:
    found = {}
    for line in decode(path.read_bytes()).splitlines():
        cells = [cell.strip() for cell in re.split(r"\t|,", line)]
        name = _JSRT_NAME.match(cells[0].upper())
        if name:
            found[name[0]] = [cell for cell in cells[1:] if cell]
    return found


def _jsrt_image(path: Path, name: str, cells: list[str]) -> CollectionImage:
    """Cells: subtlety, size, age, sex, x, y, state, place, diagnosis; of a picture without nodule age and sex only."""
    sex_at = next((place for place, cell in enumerate(cells) if _sex(cell)), None)
    numbers = [cell for cell in cells[:sex_at] if _AGE.fullmatch(cell)] or cells
    age = _years(numbers[-1]) if sex_at and numbers else next((_years(cell) for cell in cells if _years(cell)), None)
    has_nodule = name.startswith("JPCLN")
    behind = cells[sex_at + 1 :] if sex_at is not None else []
    columns = ("nodule_x", "nodule_y", "state", "place", "diagnosis")
    details = dict(zip(columns, behind, strict=False)) if has_nodule else {}
    if has_nodule and sex_at == 3:
        details |= {"subtlety": cells[0], "nodule_size_mm": cells[1]}
    labels = {Label.LUNG_LESION: int(has_nodule)}
    findings = "nodule" if has_nodule else "non-nodule"
    sex = _sex(cells[sex_at]) if sex_at is not None else ""
    return CollectionImage(path, name, name, name, "PA", age, sex, _JSRT_SPACING_MM, findings, labels, details)


def _years(text: str) -> int | None:
    found = _AGE.fullmatch(text.strip().upper())
    if not found:
        return None
    years = int(found[1]) if found[2] in ("", "Y") else 0
    return years if years <= 110 else None


def _sex(text: str) -> str:
    folded = text.strip().casefold()
    return {"m": "M", "male": "M", "f": "F", "female": "F"}.get(folded, "")


def _rows(files: Iterable[Path], column: str) -> list[dict[str, str]]:
    """Rows of every CSV file that has the column."""
    found = []
    for path in files:
        if path.suffix.lower() != ".csv":
            continue
        try:
            lines = list(table_lines(path.read_bytes()))
        except (UnreadableTable, OSError):
            continue
        header = [name.strip() for name in lines[0]] if lines else []
        if column in header:
            found += [
                dict(zip(header, (cell.strip() for cell in line), strict=False)) for line in lines[1:] if any(line)
            ]
    return found


def _found(
    images: list[CollectionImage], missing: list[str], wanted: str, reports: tuple[Path, ...] = ()
) -> Collection:
    if not images:
        raise UsageError(f"nothing of the collection was found; wanted is the folder of {wanted}")
    return Collection(tuple(sorted(images, key=lambda image: image.name)), tuple(sorted(missing)), reports)
