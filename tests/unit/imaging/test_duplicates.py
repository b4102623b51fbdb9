"""Near hashes are grouped exactly, whatever their order, and no radiograph is grouped with another one."""

from itertools import combinations

import cv2
import numpy as np
import pytest

from cxr_core.imaging import group_duplicates, perceptual_hash


def written(bits):
    return np.packbits(np.asarray(bits, np.uint8)).tobytes().hex()


def flipped(bits, *places):
    changed = bits.copy()
    changed[list(places)] ^= 1
    return changed


def a_hash(seed):
    return np.random.default_rng(seed).integers(0, 2, 256).astype(np.uint8)


def groups_of(hashes):
    """By brute force: every pair compared, and joined where it is near."""
    groups = list(range(len(hashes)))
    for one, other in combinations(range(len(hashes)), 2):
        bits = int(hashes[one], 16) ^ int(hashes[other], 16)
        if (bits >> 192).bit_count() <= 4 and bits.bit_count() <= 16:
            low, high = sorted((groups[one], groups[other]))
            groups = [low if group == high else group for group in groups]
    return groups


@pytest.mark.parametrize(
    ("places", "is_grouped"),
    [
        ((), True),
        ((0, 1, 2, 3), True),
        ((0, 8, 16, 24), True),
        ((5, 20, 41, 63), True),
        ((0, 1, 2, 3, 4), False),
        (tuple(range(100, 116)), True),
        (tuple(range(100, 117)), False),
        ((0, 9, 18, 27, *range(200, 212)), True),
        ((0, 9, 18, 27, *range(200, 213)), False),
    ],
)
def test_four_of_the_first_64_bits_and_sixteen_of_all_may_differ(places, is_grouped):
    one = a_hash(1)
    assert group_duplicates([written(one), written(flipped(one, *places))]).tolist() == [0, 0 if is_grouped else 1]


def test_groups_are_closed():
    one = a_hash(2)
    chain = [one, flipped(one, *range(100, 112)), flipped(one, *range(100, 124))]
    assert group_duplicates([written(bits) for bits in chain]).tolist() == [0, 0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_those_of_comparing_every_pair_in_any_order(seed):
    rng = np.random.default_rng(seed)
    sources = [a_hash(100 * seed + number) for number in range(40)]
    near = [
        flipped(sources[rng.integers(40)], *rng.integers(0, 64, 3), *rng.integers(64, 256, rng.integers(0, 16)))
        for _ in range(120)
    ]
    hashes = [written(bits) for bits in [*sources, *near]]
    assert group_duplicates(hashes).tolist() == groups_of(hashes)
    order = rng.permutation(len(hashes))
    shuffled = [hashes[place] for place in order]
    assert group_duplicates(shuffled).tolist() == groups_of(shuffled)


def test_no_images_have_no_groups():
    assert group_duplicates([]).tolist() == []


def test_many_equal_hashes_are_one_group():
    assert set(group_duplicates([written(a_hash(3))] * 20_000).tolist()) == {0}


@pytest.mark.shared
def test_real_radiographs_are_grouped_with_their_own_copies_only(shared_data):
    folders = [shared_data / "cxr/images" / name for name in ("nih", "cc_by", "nc_sa_lateral")]
    paths = sorted(path for folder in folders for path in folder.iterdir())
    pictures = [cv2.equalizeHist(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)) for path in paths]
    copies = []
    for picture in pictures:
        smaller = cv2.resize(picture, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        copies.append(cv2.imdecode(cv2.imencode(".jpg", smaller, [cv2.IMWRITE_JPEG_QUALITY, 70])[1], 0))
    groups = group_duplicates([f"{perceptual_hash(picture):064x}" for picture in [*pictures, *copies]])
    assert len(paths) >= 90
    assert groups.tolist() == [*range(len(paths))] * 2
