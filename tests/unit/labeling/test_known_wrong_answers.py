"""Answers that older labelers are known to get wrong, and Table 1 of the paper."""

import pytest

from cxr_core.labeling import Labeler
from cxr_core.vocabulary import Label


@pytest.mark.parametrize(
    ("text", "label", "value"),
    [
        ("No rib fracture.", Label.FRACTURE, 0),
        ("No rib fracture", Label.FRACTURE, 0),
        ("There is no pleural effusion or pneumothorax.", Label.PNEUMOTHORAX, 0),
        ("There is no pleural effusion or pneumothorax.", Label.PLEURAL_EFFUSION, 0),
        ("No new consolidation.", Label.CONSOLIDATION, 0),
        ("Stable cardiac silhouette.", Label.CARDIOMEGALY, None),
        ("Stable mediastinal silhouette.", Label.ENLARGED_CARDIOMEDIASTINUM, None),
        ("History of pneumonia.", Label.PNEUMONIA, None),
        ("Opacity next to the heart.", Label.CARDIOMEGALY, None),
        ("The contour of the diaphragm is smooth.", Label.ENLARGED_CARDIOMEDIASTINUM, None),
        ("Prior tuberculosis.", Label.SUPPORT_DEVICES, None),
        ("Small ptx.", Label.PNEUMOTHORAX, 1),
        ("Massive effusion.", Label.LUNG_LESION, None),
        ("Pulmonary vascular congestion.", Label.EDEMA, -1),
        ("Heart size is top normal.", Label.CARDIOMEGALY, 0),
        ("Heart size is at the upper limits of normal.", Label.CARDIOMEGALY, 0),
        ("Borderline cardiac enlargement.", Label.CARDIOMEGALY, -1),
        ("No pneumonia. Possible pneumonia. Definite pneumonia.", Label.PNEUMONIA, 1),
    ],
)
def test_known_wrong_answer_is_right_here(text: str, label: Label, value: int | None, labeler: Labeler) -> None:
    assert labeler.label(text).value(label) == value


def test_the_comparator_keeps_its_own_reading(negbio: Labeler) -> None:
    assert negbio.label("Heart is mildly enlarged.").value(Label.CARDIOMEGALY) == 1
    assert negbio.label("Heart size is normal.").value(Label.CARDIOMEGALY) is None
    assert negbio.label("No pleural effusion or pneumothorax.").value(Label.PNEUMOTHORAX) == 0
    assert negbio.label("Possible pneumonia.").value(Label.PNEUMONIA) == -1
