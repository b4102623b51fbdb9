"""What a view says about itself to people.

Takes a layout and a view; gives the bytes of README.md. The known text of it is told to the verifier by
`readme_lines`.
"""

from importlib import resources
from string import Template

from cxr_core.release.views.rows import Layout
from cxr_core.release.views.view import View

_ABOUT = {
    Layout.MIMIC_CXR_1: (
        "`train/pSUBJECT/sNN/viewN_VIEW.jpg` and `valid/...`; NN is the place among the subject's studies.",
        "`train.csv.gz`, `valid.csv.gz`: path, view, 14 labels; Airspace Opacity is Lung Opacity of the release.",
        "A view is frontal, lateral or other; other holds what is neither, and what nobody knows.",
    ),
    Layout.CHEXPERT_1: (
        "`CheXpert-v1.0/train/patientSUBJECT/studyN/viewN_VIEW.jpg` and `CheXpert-v1.0/valid/...`.",
        "`CheXpert-v1.0/train.csv`, `CheXpert-v1.0/valid.csv`: 19 columns; labels of both by the same program.",
        "Images that are neither frontal nor lateral have no place in this layout.",
    ),
    Layout.CHESTXRAY14: (
        "`images/DICOM_ID.jpg`, `Data_Entry.csv`, `train_val_list.txt`; the withheld root has `test_list.txt`.",
        "Seven findings are those that both label sets have; No Finding means that none of the seven is positive.",
        "Only AP and PA images have a place in this layout.",
    ),
    Layout.MIMIC_CXR_2: (
        "`files/pNN/pSUBJECT/sSTUDY/DICOM_ID.dcm` and `files/pNN/pSUBJECT/sSTUDY.txt`.",
        "`cxr-record-list.csv.gz`: the images; `cxr-study-list.csv.gz`: the studies that have a report.",
        "Reports are de-identified: `___` stands for what was removed. Lines are broken at 79 characters.",
    ),
}


def view_readme(layout: Layout, title: str, view: View) -> bytes:
    """README.md of a view."""
    values = {
        "title": title,
        "layout": layout.value,
        "images": str(sum(view.images.values())),
        "withheld": str(view.images.get("withheld", 0)),
        "left_out": str(view.left_out),
    }
    about = "".join(f"- {line}\n" for line in _ABOUT[layout])
    return f"{Template(_template()).substitute(values)}\n## Files\n\n{about}".encode()


def readme_lines() -> tuple[str, ...]:
    """Every known line, with `$placeholders` where values are filled in."""
    return (*_template().splitlines(), *(line for lines in _ABOUT.values() for line in lines), "## Files")


def _template() -> str:
    return resources.files("cxr_core.release").joinpath("templates/VIEW.md").read_text(encoding="utf-8")
