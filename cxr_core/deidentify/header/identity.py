"""What an image is called after de-identification.

Takes nothing; the caller fills it from the vault's ledger.
How ids and shifts are drawn is left to `vault`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from cxr_core.deidentify.header.dates import DateShift
from cxr_core.settings.dates import TimeOfDay

UidMapper = Callable[[str], str]
"""Original UID to published UID (`2.25.` and 128 bits); the same UID gives the same result everywhere."""


@dataclass(frozen=True, slots=True)
class ImageIdentity:
    """The published side of one image, and the secret shift of its dates.

    Parameters
    ----------
    subject_id, study_id, dicom_id : str
        Pseudonyms.
    uids : UidMapper
        Original to published UID.
    date_shift : DateShift
        How every date of the patient moves.
    time_policy : TimeOfDay
        What becomes of times of day.
    hide_age : bool
        True for studies below 90 of a patient who passes 89 within the released span: age and interval together
        would tell the age (45 CFR 164.514(b)(2)(i)(C)).
    """

    subject_id: str
    study_id: str
    dicom_id: str
    uids: UidMapper = field(repr=False)
    date_shift: DateShift = field(repr=False)
    time_policy: TimeOfDay = TimeOfDay.HOUR
    hide_age: bool = False
