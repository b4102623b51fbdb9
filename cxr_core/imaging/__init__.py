"""From a DICOM file to the picture that is published, its view and its quality facts.

`reading` opens files, `decoding` gives stored values, `rendering` the published grey levels, `view`, `appearance` and
`quality` what the tables say of them, `convert` all of it for one image. Nothing here knows of patients, pseudonyms
or policy.
"""

from cxr_core.imaging.appearance import Appearance, Reading, judge_appearance
from cxr_core.imaging.convert import Rendition, convert_image
from cxr_core.imaging.decoding import StoredImage, decode
from cxr_core.imaging.duplicates import group_duplicates
from cxr_core.imaging.quality import QualityFacts, assess, perceptual_hash
from cxr_core.imaging.reading import read_header
from cxr_core.imaging.rendering import RenderProfile, encode_jpeg, encode_png16, render, render_intensities
from cxr_core.imaging.view import ViewDecision, ViewTags, classify_view, view_tags

__all__ = [
    "Appearance",
    "QualityFacts",
    "Reading",
    "RenderProfile",
    "Rendition",
    "StoredImage",
    "ViewDecision",
    "ViewTags",
    "assess",
    "classify_view",
    "convert_image",
    "decode",
    "encode_jpeg",
    "encode_png16",
    "group_duplicates",
    "judge_appearance",
    "perceptual_hash",
    "read_header",
    "render",
    "render_intensities",
    "view_tags",
]
