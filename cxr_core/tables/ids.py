"""What published ids look like: a subject's begins with 1, a study's with 5, an image's is five groups of eight digits.

Gives patterns that tables check their columns against. How ids are made is left to the vault.
"""

SUBJECT_ID = r"^1[0-9]{7,8}$"
STUDY_ID = r"^5[0-9]{7,8}$"
DICOM_ID = r"^[0-9a-f]{8}(-[0-9a-f]{8}){4}$"
