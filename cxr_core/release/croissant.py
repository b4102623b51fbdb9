"""The machine-readable description of a release: Croissant 1.1, with its block on responsible use.

Takes a plan and a tree; gives the JSON text. That loaders accept it is tested with `mlcroissant`. Source: MLCommons
Croissant 1.1 and Croissant RAI 1.0.
"""

import json
from collections.abc import Iterator, Mapping
from string import Template

import polars as pl

from cxr_core.release.contracts import CSV_COLUMNS, RELEASE_IMAGES, RELEASE_SECTIONS
from cxr_core.release.plan import ReleasePlan, Tree
from cxr_core.release.review_note import review_note
from cxr_core.tables.contract import Contract
from cxr_core.vocabulary import LabelerName

DESCRIPTION = "De-identified chest radiographs with structured labels."
_CITATION = Template("@misc{$name, title = {$name $version}, author = {The data provider}, note = {Version $version}}")
_RAI = {
    "rai:dataCollection": "Radiographs and reports of routine care, exported from the archives of the data provider.",
    "rai:dataPreprocessingProtocol": "Headers built anew from a list of allowed attributes; burned-in text blacked; "
    "dates shifted by one secret whole-day offset per subject; images histogram equalised as JPEG.",
    "rai:dataAnnotationProtocol": "Labels read from reports by rules; evidence.parquet names the rule of each label.",
    "rai:dataLimitations": "A label says what a report says, not what an image shows; labels contain errors.",
    "rai:dataBiases": "Patients of one provider; equipment, view and who is imaged where go along with disease.",
    "rai:personalSensitiveInformation": "De-identified health data: age, with 90 for all above 89, and sex.",
    "rai:dataUseCases": "Research on the reading of chest radiographs; no basis for the care of a patient.",
    "rai:dataReleaseMaintenancePlan": "Withdrawn subjects are absent from the next version; CHANGELOG.md counts them.",
}
_NO_REVIEW = "No review by readers is recorded for this release."
_WAIVED = "Waived gates: $waivers"
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
    "equivalentProperty": "cr:equivalentProperty",
}
_DATA_TYPES = {
    "String": "sc:Text",
    "Int64": "sc:Integer",
    "Int8": "sc:Integer",
    "Float64": "sc:Float",
    "Boolean": "sc:Boolean",
}
_VERSIONS = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
_WORDS = (
    *("sc:Dataset", "cr:FileObject", "cr:FileSet", "cr:RecordSet", "cr:Field"),
    "rai:dataAnnotationAnalysis",
    *("citeAs", "conformsTo", "contentUrl", "containedIn", "dataType", "encodingFormat", "fileObject", "recordSet"),
)
_TABLES = {"images": RELEASE_IMAGES, "sections": RELEASE_SECTIONS}
_LABELS = f"{LabelerName.CHEXPERT.value}.csv.gz"


def croissant_json(plan: ReleasePlan, tree: Tree, version: str) -> str:
    """Text of croissant.json: images as file sets, tables as record sets tied by their ids."""
    prefix = f"{plan.name}-{version}"
    digests = {file.placed(prefix): file.sha256 for file in tree.files}
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _VERSIONS,
        "name": plan.name,
        "description": DESCRIPTION,
        "version": version,
        "license": "LICENSE.txt",
        "url": "README.md",
        "citeAs": _CITATION.substitute(name=plan.name, version=version),
        **_RAI,
        "rai:dataAnnotationAnalysis": _review(plan),
        "distribution": [*_file_objects(prefix, digests), *(_file_set(folder) for folder in _image_folders(tree))],
        "recordSet": [_labels(), *(_record_set(name, table) for name, table in _TABLES.items())],
    }
    return json.dumps(content, indent=2) + "\n"


def _review(plan: ReleasePlan) -> str:
    """What people saw who read the images, and which gates were waived."""
    told = review_note(plan.review) or (_NO_REVIEW,)
    waivers = "; ".join(f"{gate} ({reason})" for gate, reason in plan.facts.waivers)
    return "; ".join([*told, *([Template(_WAIVED).substitute(waivers=waivers)] if waivers else [])])


def croissant_lines() -> tuple[str, ...]:
    """Known sentences of the description, with `$placeholders`."""
    by_study = (f"{column.name}, by study" for column in CSV_COLUMNS[_LABELS])
    sentences = (*_RAI.values(), *by_study, _NO_REVIEW, _WAIVED, _CITATION.template, DESCRIPTION)
    return (*sentences, *_RAI, *_VERSIONS, *_WORDS, *_DATA_TYPES.values(), *_terms(_CONTEXT))


def _terms(context: Mapping[str, object]) -> Iterator[str]:
    """Keys and values of the vocabulary that a description starts with."""
    for key, value in context.items():
        yield key
        yield from _terms(value) if isinstance(value, Mapping) else [str(value)]


def _file_objects(prefix: str, digests: dict[str, str]) -> Iterator[dict[str, str]]:
    for name in _TABLES:
        yield _file_object(f"{name}-table", f"{name}.parquet", "application/x-parquet", digests)
    yield _file_object("labels-table", f"{prefix}-{_LABELS}", "text/csv", digests)


def _file_object(name: str, path: str, encoding: str, digests: dict[str, str]) -> dict[str, str]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": path,
        "encodingFormat": encoding,
        "sha256": digests.get(path, ""),
    }


def _image_folders(tree: Tree) -> list[str]:
    """`files`, and one folder more for each smaller size."""
    return sorted({"files", *(file.path.partition("/")[0] for file in tree.files if file.path.startswith("files-"))})


def _file_set(folder: str) -> dict[str, str]:
    name = folder.replace("files", "jpeg")
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "encodingFormat": "image/jpeg",
        "includes": f"{folder}/**/*.jpg",
    }


def _labels() -> dict[str, object]:
    """The label file: one row a study."""
    names = [column.name for column in CSV_COLUMNS[_LABELS]]
    fields = [
        _field("labels", name, "sc:Text" if name.endswith("_id") else "sc:Float", f"{name}, by study") for name in names
    ]
    key = {"@id": "labels/study_id"}
    return {"@type": "cr:RecordSet", "@id": "labels", "name": "labels", "key": key, "field": fields}


def _record_set(name: str, table: Contract) -> dict[str, object]:
    fields = [
        _field(name, column, _DATA_TYPES.get(kind, "sc:Text"), table.columns[column].description)
        for column, kind in _kinds(table)
        if kind != "List"  # rectangles and flags stay out: Croissant describes flat fields best
    ]
    for one in fields:
        if one["@id"] == f"{name}/study_id":
            one["references"] = {"field": {"@id": "labels/study_id"}}
    key = {"@id": f"{name}/{table.key[0]}"}
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "key": key, "field": fields}


def _kinds(table: Contract) -> Iterator[tuple[str, str]]:
    dtypes: pl.Schema = table.dtypes
    return ((name, str(dtypes[name]).split("(", 1)[0]) for name in table.columns)


def _field(table: str, column: str, kind: str, description: str) -> dict[str, object]:
    return {
        "@type": "cr:Field",
        "@id": f"{table}/{column.replace(' ', '_')}",
        "name": column,
        "description": description,
        "dataType": kind,
        "source": {"fileObject": {"@id": f"{table}-table"}, "extract": {"column": column}},
    }
