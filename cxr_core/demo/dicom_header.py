"""Fills the header of one instance with all that hospitals write into headers, identifiers everywhere.

It takes the plans of patient, study and image and gives a pydicom Dataset without pixels, and the list of planted
identifiers with the place of each. Pixels, overlays and the file itself are left to `dicom_writer`.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from cxr_core.demo.people import Person, Staff
from cxr_core.demo.plan import ImagePlan, Projection, StudyPlan, ViewTag, random_uid

CR_STORAGE = "1.2.840.10008.5.1.4.1.1.1"
DX_STORAGE = "1.2.840.10008.5.1.4.1.1.1.1"
_STUDY_COMPONENT = "1.2.840.10008.3.1.2.3.1"

# SNOMED CT codes of views (PS3.16 CID 4010, DX View).
_VIEW_CODES = {
    Projection.PA: ("399348003", "postero-anterior"),
    Projection.AP: ("399067008", "antero-posterior"),
    Projection.LATERAL: ("399198007", "left lateral"),
    Projection.HAND: ("399348003", "postero-anterior"),
}


@dataclass(frozen=True, slots=True, repr=False)
class Planted:
    """One identifier somewhere in a file."""

    value: str
    where: str


@dataclass(frozen=True, slots=True, repr=False)
class Header:
    """A dataset without pixels, and what identifies in it."""

    dataset: Dataset
    planted: tuple[Planted, ...]


class _Planter:
    """Sets attributes and remembers which of them identify."""

    def __init__(self) -> None:
        self.planted: list[Planted] = []

    def note(self, value: str, where: str) -> str:
        """Remember an identifier and give it back."""
        if value.strip():
            self.planted.append(Planted(value, where))
        return value

    def put(self, target: Dataset, where: str = "", **values: str) -> None:
        """Set identifying attributes by keyword."""
        for keyword, value in values.items():
            setattr(target, keyword, self.note(value, where or keyword))


def build_header(
    study: StudyPlan, image: ImagePlan, *, owner: Person, requester: Person, rng: np.random.Generator
) -> Header:
    """Build the header of one instance.

    Parameters
    ----------
    study, image : StudyPlan, ImagePlan
        What was taken.
    owner : Person
        Whom the header names: another patient where two were mixed up.
    requester : Person
        Whom the request names: always the patient of the study.
    rng : numpy Generator
        Technique and references.
    """
    dataset, planter = Dataset(), _Planter()
    written = owner.dicom_name
    dataset.SpecificCharacterSet = "ISO_IR 192" if owner.ideographic else "ISO_IR 100"
    _put_patient(dataset, planter, owner, study, is_own=owner is requester)
    _put_study(dataset, planter, study, rng)
    _put_staff(dataset, planter, study)
    _put_equipment(dataset, planter, study, owner, rng=rng)
    _put_image(dataset, planter, study, image, rng=rng)
    _put_request(dataset, planter, study, requester)
    _put_history(dataset, planter, study, owner)
    _put_private(dataset, planter, study, written=written, rng=rng)
    return Header(dataset, tuple(planter.planted))


def _put_patient(dataset: Dataset, planter: _Planter, person: Person, study: StudyPlan, *, is_own: bool) -> None:
    mrn = study.mrn if is_own else person.mrn
    planter.put(
        dataset,
        PatientName=person.dicom_name,
        PatientID=mrn,
        PatientBirthDate=f"{person.birth_date:%Y%m%d}",
        OtherPatientNames=f"{person.mother_birth_name}^{person.given}",
        PatientBirthName=f"{person.mother_birth_name}^{person.given}",
        PatientMotherBirthName=f"{person.mother_birth_name}^{person.relative}",
        PatientAddress=person.address,
        PatientTelephoneNumbers=person.phone,
        CurrentPatientLocation=f"ED bed {study.visit[-2:]} {person.family}"[:64],
        PatientComments=f"Next of kin {person.relative} {person.family}, {person.phone}, {person.email}",
        AdditionalPatientHistory=f"Seen 2010 at {person.hospital.name} as {person.former_mrn}",
        CountryOfResidence="US",
    )
    planter.planted = [p for p in planter.planted if p.where != "CountryOfResidence"]
    dataset.OtherPatientIDs = [
        planter.note(person.former_mrn, "OtherPatientIDs"),
        planter.note(person.ssn, "OtherPatientIDs"),
    ]
    other = Dataset()
    planter.put(other, "OtherPatientIDsSequence", PatientID=person.former_mrn)
    other.IssuerOfPatientID, other.TypeOfPatientID = "LEGACY", "TEXT"
    dataset.OtherPatientIDsSequence = Sequence([other])
    dataset.IssuerOfPatientID = person.hospital.issuer
    dataset.PatientSex = person.sex
    dataset.PatientAge = f"{person.age_at(study.when.date()):03d}Y"
    dataset.PatientWeight, dataset.PatientSize = "71", "1.69"
    dataset.EthnicGroup, dataset.Occupation, dataset.MilitaryRank = "X", "stonemason", "CPL"
    dataset.PatientReligiousPreference = "none stated"


def _put_study(dataset: Dataset, planter: _Planter, study: StudyPlan, rng: np.random.Generator) -> None:
    when = study.header_time
    day, clock = f"{when:%Y%m%d}", f"{when:%H%M%S}"
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(dataset, keyword, day)
    planter.note(day, "StudyDate")
    for keyword in ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"):
        setattr(dataset, keyword, clock if keyword == "StudyTime" else f"{clock}.{rng.integers(1000):03d}")
    dataset.AcquisitionDateTime = f"{day}{clock}.250000"
    planter.put(dataset, AccessionNumber=study.accession_tag, StudyID=study.accession[-6:], AdmissionID=study.visit)
    planter.put(dataset, StudyInstanceUID=study.uid)
    reference = Dataset()
    reference.ReferencedSOPClassUID = _STUDY_COMPONENT
    planter.put(reference, "ReferencedStudySequence", ReferencedSOPInstanceUID=random_uid(rng))
    dataset.ReferencedStudySequence = Sequence([reference])
    dataset.Modality = study.modality
    dataset.StudyDescription = study.exam.description
    dataset.AdmittingDate = day
    dataset.PerformedProcedureStepStartDate, dataset.PerformedProcedureStepStartTime = day, clock
    planter.put(dataset, PerformedProcedureStepID=f"PPS{study.accession}")


def _pn(staff: Staff) -> str:
    return f"{staff.family}^{staff.given}^^^{staff.degree}"


def _put_staff(dataset: Dataset, planter: _Planter, study: StudyPlan) -> None:
    planter.put(
        dataset,
        ReferringPhysicianName=_pn(study.referring),
        RequestingPhysician=study.referring.dicom_name,
        PhysiciansOfRecord=study.referring.dicom_name,
        PerformingPhysicianName=_pn(study.reading),
        NameOfPhysiciansReadingStudy=_pn(study.reading),
        OperatorsName=study.operator.dicom_name,
        ReferringPhysicianTelephoneNumbers="(555) 200-0144",
    )
    identity, code = Dataset(), Dataset()
    planter.put(code, "ReferringPhysicianIdentificationSequence", CodeMeaning=study.referring.written)
    code.CodeValue, code.CodingSchemeDesignator = f"P{study.serial[-4:]}", "99HALCYON"
    identity.PersonIdentificationCodeSequence = Sequence([code])
    dataset.ReferringPhysicianIdentificationSequence = Sequence([identity])


def _put_equipment(
    dataset: Dataset, planter: _Planter, study: StudyPlan, person: Person, *, rng: np.random.Generator
) -> None:
    planter.put(
        dataset,
        InstitutionName=person.hospital.name,
        InstitutionAddress=person.hospital.address,
        InstitutionalDepartmentName=f"{person.hospital.name.split()[0]} Emergency Radiology",
        StationName=study.station,
        DeviceSerialNumber=study.serial,
        DetectorID=f"DET{study.serial[-4:]}",
    )
    dataset.Manufacturer, dataset.ManufacturerModelName = "Lumen Imaging", "Clarion 400"
    dataset.SoftwareVersions, dataset.ProtocolName = "4.2.1", "Chest adult"
    dataset.KVP = str(int(rng.integers(70, 130)))
    dataset.ExposureTime, dataset.XRayTubeCurrent = str(int(rng.integers(4, 30))), str(int(rng.integers(100, 400)))
    dataset.Exposure = str(int(rng.integers(1, 9)))
    dataset.DistanceSourceToDetector = "1800"
    dataset.ImagerPixelSpacing = ["0.3", "0.3"]


def _put_image(
    dataset: Dataset, planter: _Planter, study: StudyPlan, image: ImagePlan, *, rng: np.random.Generator
) -> None:
    dataset.SOPClassUID = CR_STORAGE if study.modality == "CR" else DX_STORAGE
    planter.put(dataset, SOPInstanceUID=image.sop_uid, SeriesInstanceUID=image.series_uid)
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SeriesNumber, dataset.InstanceNumber = str(image.ordinal + 1), "1"
    dataset.BodyPartExamined = study.exam.body_part
    dataset.BurnedInAnnotation = "NO"  # as devices write it, whatever is burned in
    if study.modality == "DX":
        dataset.PresentationIntentType = "FOR PRESENTATION"
        dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LOG", 1
        dataset.ImageLaterality = "U"
    dataset.PatientOrientation = ["A", "F"] if image.projection is Projection.LATERAL else ["L", "F"]
    _put_view(dataset, image)
    source = Dataset()
    source.ReferencedSOPClassUID = dataset.SOPClassUID
    planter.put(source, "SourceImageSequence", ReferencedSOPInstanceUID=random_uid(rng))
    dataset.SourceImageSequence = Sequence([source])


def _put_view(dataset: Dataset, image: ImagePlan) -> None:
    """Name the view in one attribute; the others are missing or say nothing."""
    spoken = {Projection.PA: "Chest PA", Projection.AP: "Chest AP portable", Projection.LATERAL: "Chest lateral"}
    dataset.SeriesDescription = "Thorax"
    if image.view_tag is ViewTag.VIEW_POSITION:
        dataset.ViewPosition = image.view_value
        dataset.SeriesDescription = spoken.get(image.projection, "Hand")
    elif image.view_tag is ViewTag.VIEW_CODE:
        code = Dataset()
        code.CodeValue, code.CodeMeaning = _VIEW_CODES[image.projection]
        code.CodingSchemeDesignator = "SCT"
        dataset.ViewCodeSequence = Sequence([code])
    else:
        dataset.SeriesDescription = spoken.get(image.projection, "Hand")


def _put_request(dataset: Dataset, planter: _Planter, study: StudyPlan, person: Person) -> None:
    request = Dataset()
    planter.put(
        request,
        "RequestAttributesSequence",
        RequestedProcedureID=study.accession,
        ScheduledProcedureStepID=f"SPS{study.accession}",
        ReasonForTheRequestedProcedure=f"Chest pain, {person.given} {person.family}"[:64],
    )
    request.RequestedProcedureDescription = study.exam.description
    dataset.RequestAttributesSequence = Sequence([request])
    dataset.RequestedProcedureDescription = study.exam.description
    planter.put(
        dataset,
        RequestedProcedureComments=f"Call Dr. {study.referring.family} at ext 4417",
        ReasonForStudy=f"{person.family}: chest pain"[:64],
        ImageComments=f"Repeated for {person.given} {person.family} {study.when:%m/%d/%Y}",
    )


def _put_history(dataset: Dataset, planter: _Planter, study: StudyPlan, person: Person) -> None:
    """Add what a PACS keeps of values that it coerced (PS3.3 C.12.1.1.9)."""
    before, change = Dataset(), Dataset()
    planter.put(
        before,
        "OriginalAttributesSequence",
        PatientName=f"{person.mother_birth_name}^{person.given}",
        PatientID=person.former_mrn,
        PatientBirthDate=f"{person.birth_date:%Y%m%d}",
    )
    change.ModifiedAttributesSequence = Sequence([before])
    change.AttributeModificationDateTime = f"{study.header_time:%Y%m%d}235959"
    planter.put(change, "OriginalAttributesSequence", ModifyingSystem=f"PACS-{person.family}"[:64])
    change.SourceOfPreviousValues, change.ReasonForTheAttributeModification = "", "COERCE"
    dataset.OriginalAttributesSequence = Sequence([change])


def _put_private(
    dataset: Dataset, planter: _Planter, study: StudyPlan, *, written: str, rng: np.random.Generator
) -> None:
    own = dataset.private_block(0x0009, "LUMEN CLARION 1.0", create=True)
    own.add_new(0x10, "PN", planter.note(written, "private (0009,xx10)"))
    own.add_new(0x11, "DA", planter.note(f"{study.header_time:%Y%m%d}", "private (0009,xx11)"))
    own.add_new(0x12, "UN", planter.note(f"ACQ {study.accession} {study.mrn}", "private (0009,xx12)").encode("ascii"))
    own.add_new(0x13, "UI", planter.note(random_uid(rng), "private (0009,xx13)"))
    nested = Dataset()
    planter.put(nested, "private (0029,xx10)", PatientName=written, AccessionNumber=study.accession)
    more = dataset.private_block(0x0029, "HALCYON PACS", create=True)
    more.add_new(0x10, "SQ", Sequence([nested]))
    stamp = f"imported {datetime(2016, 3, 1):%Y-%m-%d} by {study.operator.written} for {study.mrn}"  # noqa: DTZ001
    more.add_new(0x20, "LT", planter.note(stamp, "private (0029,xx20)"))
