"""Decides from class and shape whether a DICOM object can be a radiograph at all.

Takes a header and gives the reason why it cannot, or nothing.
Which modalities a dataset wants is left to `cohort`; whether the pixels decode, to the stages behind the airlock.
"""

from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
)

from cxr_core.intake.sources.elements import Node
from cxr_core.intake.sources.folder import Header, has, items_of, text_of
from cxr_core.vocabulary import Reason

RADIOGRAPH_CLASSES = frozenset(
    map(
        str,
        (
            ComputedRadiographyImageStorage,
            DigitalXRayImageStorageForPresentation,
            DigitalXRayImageStorageForProcessing,
        ),
    )
)
KEY_OBJECT_CLASS = "1.2.840.10008.5.1.4.1.1.88.59"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_RADIOGRAPH_MODALITIES = frozenset(["CR", "DX"])
_TYPE_1 = ("StudyInstanceUID", "SOPInstanceUID", "PatientID")
# PS3.3 A.35.4: titles of key object selections that reject the instances they name (IHE IOCM).
_REJECTION_TITLES = frozenset(["113001", "113037", "113038", "113039"])


def judge_object(header: Header) -> Reason | None:
    """Why an object is no single grey radiograph; None where it is.

    Source: PS3.4 annex B (storage classes), PS3.3 C.7.6.3 (image pixel), C.7.6.6 (multi-frame).
    """
    node = header.node
    is_image = header.has_pixels or has(node, "Rows")
    sop_class = text_of(node, "SOPClassUID")
    modality = text_of(node, "Modality")
    if sop_class not in RADIOGRAPH_CLASSES and (sop_class or modality not in _RADIOGRAPH_MODALITIES):
        is_other_image = is_image and bool(sop_class) and not is_secondary_capture(sop_class)
        return Reason.NOT_CR_DX if is_other_image else Reason.E_SOP
    if _count(node, "NumberOfFrames") > 1 or _count(node, "SamplesPerPixel") > 1:
        return Reason.E_SOP
    if not all(text_of(node, keyword) for keyword in _TYPE_1):
        return Reason.E_TYPE1
    return None if header.has_pixels else Reason.E_PIXELS


def is_secondary_capture(sop_class: str) -> bool:
    """True for the secondary capture family: screenshots, scanned paper, dose sheets."""
    return sop_class == _SECONDARY_CAPTURE or sop_class.startswith(_SECONDARY_CAPTURE + ".")


def rejected_uids(node: Node) -> list[str]:
    """SOP instances that a rejection note names; empty for every other object.

    Source: PS3.3 A.35.4 (key object selection), IHE RAD TF-1 section 33 (imaging object change management).
    """
    if text_of(node, "SOPClassUID") != KEY_OBJECT_CLASS:
        return []
    titles = {text_of(item, "CodeValue") for item in items_of(node, "ConceptNameCodeSequence")}
    if not titles & _REJECTION_TITLES:
        return []
    return [
        uid
        for study in items_of(node, "CurrentRequestedProcedureEvidenceSequence")
        for series in items_of(study, "ReferencedSeriesSequence")
        for instance in items_of(series, "ReferencedSOPSequence")
        if (uid := text_of(instance, "ReferencedSOPInstanceUID"))
    ]


def _count(node: Node, keyword: str) -> int:
    try:
        return int(text_of(node, keyword) or 1)
    except ValueError:
        return 1
