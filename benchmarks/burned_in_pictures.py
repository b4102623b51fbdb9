"""Draws the stages of the cascade for `docs/burned-in-text.md`, from a synthetic radiograph.

python benchmarks/burned_in_pictures.py -o docs/images/burned-in-stages.png
"""

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from burned_in_images import draw_sample
from burned_in_text import test_faces
from numpy.typing import NDArray

from cxr_core.deidentify.pixels import build_readers, redact_pixels
from cxr_core.deidentify.pixels.lines import find_lines
from cxr_core.deidentify.pixels.network import CELL_PX
from cxr_core.deidentify.pixels.proposals import TILE_PX, prepare_search, propose_tiles
from cxr_core.deidentify.pixels.search import look_everywhere
from cxr_core.policy.markers import load_marker_policy
from cxr_core.vocabulary import BoxDecision

_PANEL_PX = 480
_RED, _GREEN, _YELLOW = (60, 60, 255), (90, 220, 90), (60, 220, 255)


def draw_stages(seed: int) -> NDArray[Any]:
    """Six panels: image, proposed tiles, map of text, lines with their probability, verdicts, result."""
    sample = draw_sample(seed, test_faces(), long_side=1400)
    search = prepare_search(sample.stored, sample.photometric)
    proposed = propose_tiles(search.views[1])
    maps = look_everywhere(search)
    readers = build_readers(["rapidocr", "easyocr"])
    result = redact_pixels(
        sample.stored,
        photometric=sample.photometric,
        identifiers=sample.identifiers,
        readers=readers,
        markers=load_marker_policy(),
    )
    image = _coloured(search.views[0].grey)
    tiles = _tinted(image, _grown(proposed, 2 * TILE_PX), _YELLOW)
    text = np.maximum.reduce([_resized(one.text, one.scale, image.shape) for one in maps])
    heat = _tinted(image, text > 64, _YELLOW)
    lines, verdicts = image.copy(), image.copy()
    for line in find_lines(search, maps):
        box = line.box
        cv2.rectangle(lines, (box.left, box.top), (box.right, box.bottom), _YELLOW, 3)
        _label(lines, f"{line.probability:.2f}", (box.left, box.top), _YELLOW)
    for text_box in result.boxes:
        colour = _RED if text_box.decision is BoxDecision.REDACTED else _GREEN
        corners = (text_box.left_px, text_box.top_px), (text_box.right_px, text_box.bottom_px)
        cv2.rectangle(verdicts, *corners, colour, 4)
        _label(verdicts, text_box.rule, corners[0], colour)
    after = _coloured(prepare_search(result.pixels, sample.photometric).views[0].grey)
    panels = [
        _panel(picture, title)
        for picture, title in (
            (image, "1 image"),
            (tiles, "2 proposals: dense edges"),
            (heat, "3 network: text"),
            (lines, "4 lines with p"),
            (verdicts, "5 removed red, kept green"),
            (after, "6 result"),
        )
    ]
    return np.vstack([np.hstack(panels[:3]), np.hstack(panels[3:])])


def _coloured(grey: NDArray[np.uint8]) -> NDArray[Any]:
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))


def _grown(tiles: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    return np.kron(tiles, np.ones((side, side), np.bool_)).astype(np.bool_)


def _resized(cells: NDArray[np.uint8], scale: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    grown = np.kron(cells, np.ones((CELL_PX * scale, CELL_PX * scale), np.uint8))
    out = np.zeros(shape[:2], np.uint8)
    rows, columns = min(shape[0], grown.shape[0]), min(shape[1], grown.shape[1])
    out[:rows, :columns] = grown[:rows, :columns]
    return out


def _tinted(image: NDArray[Any], mask: NDArray[np.bool_], colour: tuple[int, int, int]) -> NDArray[Any]:
    rows, columns = image.shape[:2]
    out = image.copy()
    part = out[: mask.shape[0], : mask.shape[1]]
    inside = mask[:rows, :columns]
    part[inside] = (0.5 * part[inside] + 0.5 * np.array(colour)).astype(np.uint8)
    return out


def _label(picture: NDArray[Any], text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(picture, text, (at[0], max(24, at[1] - 8)), cv2.FONT_HERSHEY_SIMPLEX, 0.9, colour, 2, cv2.LINE_AA)


def _panel(picture: NDArray[Any], title: str) -> NDArray[Any]:
    scale = _PANEL_PX / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    canvas = np.full((_PANEL_PX + 26, _PANEL_PX + 8, 3), 255, np.uint8)
    canvas[24 : 24 + size[1], 4 : 4 + size[0]] = small
    cv2.putText(canvas, title, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=6_000_154)
    options = parser.parse_args()
    cv2.imwrite(str(options.output), draw_stages(options.seed), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
