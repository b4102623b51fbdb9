"""A finished release without identifiers passes; one planted leak of any kind, anywhere, is found."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from release_factory import make_inputs, make_plan, with_smaller_pictures
from source_factory import UID, make_needles

from cxr_core.release.documents import template_lines
from cxr_core.release.publication import publish
from cxr_core.verification.findings import Finding, Findings
from cxr_core.verification.verify import verify_tree


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    return publish(make_plan(folder / "work"), folder / "releases", lambda _public, _withheld: None).path


@pytest.fixture
def release(published: Path, tmp_path: Path) -> Path:
    """A copy of a small published release that a test may damage."""
    copy = shutil.copytree(published, tmp_path / published.name)
    for path in copy.rglob("*.jpg"):
        path.chmod(0o644)
    return copy


def image(root: Path) -> Path:
    """Where an image of a release lies."""
    path = root / "files" / "p10" / "p10000032" / "s50414267" / "a.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def renew_sums(root: Path) -> None:
    paths = sorted(p for p in root.rglob("*") if p.is_file() and p.name != "SHA256SUMS.txt")
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(root).as_posix()}\n" for p in paths]
    (root / "SHA256SUMS.txt").write_text("".join(lines))


def verified(root: Path, **needles: object) -> Findings:
    renew_sums(root)
    return verify_tree(root, make_needles(**needles), known_lines=template_lines())  # type: ignore[arg-type]


def kinds(findings: Findings) -> set[Finding]:
    return set(findings.counts())


def a_jpeg(root: Path) -> Path:
    return min(root.rglob("*.jpg"))


def insert_segment(root: Path, marker: int, payload: bytes) -> None:
    path = a_jpeg(root)
    data = path.read_bytes()
    segment = bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2) + payload
    path.write_bytes(data[:2] + segment + data[2:])


def append(root: Path, name: str, text: str) -> None:
    with (root / name).open("a") as stream:
        stream.write(text)


def edit_run(root: Path, key: str, value: object) -> None:
    content = json.loads((root / "run.json").read_text())
    (root / "run.json").write_text(json.dumps(content | {key: value}))


def edit_csv(root: Path, old: str, new: str) -> None:
    path = root / "cxr-1.0.0-metadata.csv.gz"
    changed = gzip.decompress(path.read_bytes()).decode().replace(old, new)
    path.write_bytes(gzip.compress(changed.encode(), mtime=0))


def edit_parquet(root: Path, **columns: pl.Expr) -> None:
    path = root / "images.parquet"
    pl.read_parquet(path).with_columns(**columns).write_parquet(path)


def test_a_clean_release_passes(release: Path) -> None:
    findings = verified(release)
    assert findings.findings == ()
    assert findings.files == 24  # with report.html
    assert findings.values > 100


PLANTED: dict[str, tuple[Callable[[Path], None], Finding]] = {
    "name in a JPEG comment": (lambda r: insert_segment(r, 0xFE, b"Ottokar Zabrinski"), Finding.NAME),
    "name in a JPEG comment, UTF-16": (
        lambda r: insert_segment(r, 0xFE, "ZABRINSKI".encode("utf-16-be")),
        Finding.NAME_PART,
    ),
    "name in EXIF": (lambda r: insert_segment(r, 0xE1, b"Exif\0\0II*\0\x08\0\0\0ZABRINSKI^OTTOKAR\0"), Finding.NAME),
    "id after the end of the image": (
        lambda r: a_jpeg(r).write_bytes(a_jpeg(r).read_bytes() + b"MRN 004711298"),
        Finding.IDENTIFIER,
    ),
    "name in a CSV cell": (lambda r: edit_csv(r, "Erect", "Zabrinski"), Finding.NAME_PART),
    "accession in a CSV cell": (lambda r: edit_csv(r, "postero-anterior", "acc 90817263"), Finding.IDENTIFIER),
    "id as subject in the CSV": (lambda r: edit_csv(r, "10000003", "4711298"), Finding.IDENTIFIER),
    "source date in a CSV cell": (lambda r: edit_csv(r, "21450307", "20131209"), Finding.DATE),
    "name in a Parquet cell": (lambda r: edit_parquet(r, sex=pl.lit("Ottokar")), Finding.NAME_PART),
    "id in a Parquet number": (lambda r: edit_parquet(r, width_px=pl.lit(4711298)), Finding.IDENTIFIER),
    "name in a Parquet list": (lambda r: edit_parquet(r, flags=pl.lit(["strip", "OKAFOR"])), Finding.NAME_PART),
    "name in Parquet metadata": (
        lambda r: pq.write_table(
            pq.read_table(r / "sections.parquet").replace_schema_metadata({"author": "Lindqvist"}),
            r / "sections.parquet",
        ),
        Finding.NAME_PART,
    ),
    "name of a column": (lambda r: edit_parquet(r, zabrinski=pl.lit(1)), Finding.NAME_PART),
    "name of a file": (lambda r: (r / "zabrinski_ottokar.txt").write_text("x"), Finding.NAME),
    "name of a folder": (lambda r: (r / "files").rename(r / "4711298"), Finding.IDENTIFIER),
    "name in run.json": (lambda r: edit_run(r, "notes", ["seen by Marit Lindqvist"]), Finding.NAME),
    "key of run.json": (lambda r: edit_run(r, "Zabrinski", 3), Finding.NAME_PART),
    "path in run.json": (lambda r: edit_run(r, "notes", ["/data/0047-11298/1"]), Finding.IDENTIFIER),
    "name in README": (lambda r: append(r, "README.md", "Thanks to Ottokar.\n"), Finding.NAME_PART),
    "name in a placeholder of README": (
        lambda r: (r / "README.md").write_text(
            (r / "README.md").read_text().replace("# cxr 1.0.0", "# cxr Zabrinski 1.0.0")
        ),
        Finding.NAME_PART,
    ),
    "UTF-16 text file": (lambda r: (r / "notes.txt").write_bytes("Zabrinski".encode("utf-16")), Finding.NAME_PART),
    "UTF-16 without a mark": (
        lambda r: (r / "notes.txt").write_bytes("by Zabrinski".encode("utf-16-be")),
        Finding.NAME_PART,
    ),
    "phone": (lambda r: append(r, "CHANGELOG.md", "call 555.010.7788\n"), Finding.PHONE),
    "address": (lambda r: append(r, "datasheet.md", "12 Larkspur Hollow\n"), Finding.ADDRESS),
    "place": (lambda r: append(r, "datasheet.md", "made at St. Aldhelm Infirmary\n"), Finding.PLACE),
    "source UID": (lambda r: append(r, "datasheet.md", f"see {UID}\n"), Finding.UID),
    "name in HTML": (
        lambda r: (r / "report.html").write_text("<p title='Zabrinski'>x</p>"),
        Finding.NAME_PART,
    ),
    "gzip header with a name": (
        lambda r: gzip.GzipFile(r / "cxr-1.0.0-split.csv.gz", "wb").close(),
        Finding.GZIP_HEADER,
    ),
}


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_leak_is_found(release: Path, plant: str) -> None:
    act, kind = PLANTED[plant]
    act(release)
    assert kind in kinds(verified(release))


@pytest.mark.parametrize(
    "written",
    [
        "2013-12-09",
        "12/09/2013",
        "12/9/2013",
        "09.12.2013",
        "Dec 9, 2013",
        "9 December 2013",
        "20131209",
        "27-MAR-1951",
    ],
)
def test_source_dates_are_found_in_every_written_form(release: Path, written: str) -> None:
    append(release, "CHANGELOG.md", f"seen on {written}.\n")
    assert kinds(verified(release)) == {Finding.DATE}


@pytest.mark.parametrize("written", ["0047-11298", "4711298", "MRN4711298", "004 711 298", "47-11298x", "47.112.98"])
def test_an_id_is_found_with_other_separators(release: Path, written: str) -> None:
    append(release, "CHANGELOG.md", f"id {written}\n")
    assert kinds(verified(release)) == {Finding.IDENTIFIER}


def test_findings_name_no_value(release: Path) -> None:
    (release / "zabrinski_ottokar.txt").write_text("Zabrinski 4711298")
    findings = verified(release)
    told = repr(findings) + findings.message() + "".join(f.file for f in findings.findings)
    assert "zabrinski" not in told.lower()
    assert "4711298" not in told
    assert findings.message() == "1 identifier, 2 name, 3 name_part, 1 undeclared in 2 files"


def test_needles_hide_their_values() -> None:
    assert "zabrinski" not in repr(make_needles()).lower()


def test_three_letter_names_in_random_pixels_are_no_finding(tmp_path: Path) -> None:
    """Six of six three-letter names hit 40 MB of coded pixels; here they stand in 4 MB."""
    noise = np.random.default_rng(0).integers(0, 256, 2_000_000, dtype=np.uint8).tobytes()
    scan = (noise + b"\x01LEE\x02Kim^Ray " + noise).replace(b"\xff", b"\xfe")
    header = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffda0008010100003f00")
    image(tmp_path).write_bytes(header + scan + b"\xff\xd9")
    findings = verify_tree(tmp_path, make_needles(names=("LEE^KIM", "RAY^LEE")))
    assert findings.findings == ()


def test_long_names_and_ids_in_coded_streams_are_found(tmp_path: Path) -> None:
    scan = bytes(range(1, 200)) * 50
    header = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffda0008010100003f00")
    image(tmp_path).write_bytes(header + scan + b"ACC90817263" + scan + b"\xff\xd9")
    assert kinds(verify_tree(tmp_path, make_needles())) == {Finding.IDENTIFIER}


NAMES_LIKE_WORDS = (
    "HEART^TRAIN",
    "YOUNG^FILE",
    "ROSE^IMAGE",
    "LINK^STUDY",
    "CHANG^STRIP",
    "PAGE^RELEASE",
    "EDEMA^VIEW",
    "BLACK^TELL",
    "HAND^MANUAL",
    "PHILIPS^CHEST",
    "WELL^LUNG",
)


def test_patients_who_are_called_like_words_of_the_schema_cause_no_refusal(release: Path) -> None:
    assert verified(release, names=NAMES_LIKE_WORDS).findings == ()


def test_a_schema_word_in_a_free_cell_waits_for_sign_off(release: Path) -> None:
    edit_parquet(release, manufacturer_group=pl.lit("made by Heart"))
    renew_sums(release)
    needles = make_needles(names=("HEART^ZZYZX",))
    found = verify_tree(release, needles, known_lines=template_lines())
    assert kinds(found) == {Finding.NAME_WORD}
    assert found.to_sign_off == {"heart"}
    signed = verify_tree(release, needles, signoff=frozenset({"heart"}), known_lines=template_lines())
    assert signed.findings == ()


def test_a_birth_date_that_equals_a_subject_id_is_no_finding(release: Path) -> None:
    """Subject 10000003 stands in the release; as an id of the source it is a finding unless it was issued."""
    issued = pl.DataFrame({"pseudonym": ["10000003", "50000003"]})
    assert verified(release, patient_id="10000003", pseudonyms=issued).findings == ()
    assert Finding.IDENTIFIER in kinds(verified(release, patient_id="10000003"))


def test_a_changed_file_breaks_its_digest(release: Path) -> None:
    renew_sums(release)
    append(release, "README.md", "\n")
    (release / "more.txt").write_text("x")
    findings = verify_tree(release, make_needles(), known_lines=template_lines())
    assert findings.counts() == {Finding.CHECKSUM: 2, Finding.UNDECLARED: 1}


def test_a_link_out_of_the_tree_is_a_finding(release: Path) -> None:
    (release / "more").symlink_to("/")
    findings = verify_tree(release, make_needles(), known_lines=template_lines())
    assert Finding.LINK in kinds(findings)


def test_a_smaller_picture_that_the_conversion_did_not_make_is_found(tmp_path: Path) -> None:
    inputs = with_smaller_pictures(tmp_path / "work", make_inputs(tmp_path / "work"))
    plan = make_plan(tmp_path / "work", inputs=inputs)
    root = publish(plan, tmp_path / "releases", lambda _public, _withheld: None).path
    made = dict(inputs.renditions.select("dicom_id", "sha256").iter_rows())
    smaller = {f"{row[0]}.64": row[1] for row in inputs.derivatives.select("dicom_id", "sha256").iter_rows()}
    assert verify_tree(root, make_needles(), known_lines=template_lines(), pictures=made | smaller).is_clean
    found = verify_tree(root, make_needles(), known_lines=template_lines(), pictures=made)
    assert {item.kind for item in found.findings} == {Finding.PICTURE}
    assert all(item.file.startswith("files-64/") for item in found.findings)
