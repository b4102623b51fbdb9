"""What a release says about itself in lists that programs read: image names, digests and run.json.

Takes a plan and its version; gives bytes. Texts for people are left to `documents`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from cxr_core.release.plan import ReleasePlan, RunFacts, Tree
from cxr_core.release.summary import shown_drops
from cxr_core.vocabulary import Split

SUMS_NAME = "SHA256SUMS.txt"
RUN_NAME = "run.json"


def image_filenames(tree: Tree) -> bytes:
    """Paths of the images, one a line, sorted."""
    return "".join(f"{path}\n" for path in sorted(tree.images["path"])).encode()


def sha256_sums(digests: Mapping[str, str]) -> bytes:
    """The lines that `sha256sum -c` reads: digest, two blanks, path; sorted by path."""
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode()


def parse_sums(content: bytes) -> dict[str, str]:
    """Paths and digests of a SHA256SUMS file."""
    pairs = (line.split("  ", 1) for line in content.decode().splitlines() if line)
    return {path: digest for digest, path in pairs}


def digest_of(path: Path, kind: str = "sha256") -> str:
    """Digest of a file, read piece by piece, as SHA256SUMS names it; `kind` as in hashlib."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()


def run_json(plan: ReleasePlan, version: str) -> bytes:
    """Versions, digests, counts and reasons; no time stamp, so that equal builds give equal bytes."""
    facts = plan.facts
    content = {
        "name": plan.name,
        "version": version,
        "content_digest": plan.content_digest(),
        "layout": plan.layout,
        "test": plan.test_policy,
        "producer": facts.producer,
        "versions": dict(sorted(facts.versions)),
        "config_digest": facts.config_digest,
        "key_id": facts.key_id,
        "ps315_edition": facts.ps315_edition,
        "is_demo": facts.is_demo,
        "readers": list(facts.readers),
        "deviations": list(facts.deviations),
        "notes": list(facts.notes),
        "waivers": dict(sorted(facts.waivers)),
        "counts": {"public": _counts(plan.public), "withheld": _counts(plan.withheld) if plan.withheld else None},
        "drops": _drops(facts),
    }
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def read_run(root: Path) -> dict[str, Any]:
    """What run.json of a published tree says.

    Raises
    ------
    OSError, ValueError
        There is none, or it is damaged: what that means is the caller's to say.
    """
    content = json.loads((root / RUN_NAME).read_bytes())
    if not isinstance(content, dict):
        raise ValueError("run.json holds no object")  # noqa: TRY004  as damaged as what is no JSON
    return content


def _counts(tree: Tree) -> dict[str, object]:
    images = tree.images
    return {
        "images": images.height,
        "studies": images["study_id"].n_unique(),
        "subjects": images["subject_id"].n_unique(),
        "labelled_studies": tree.labels["study_id"].n_unique(),
        "images_by_split": {split.value: images.filter(pl.col("split") == split.value).height for split in Split},
    }


def _drops(facts: RunFacts) -> Iterable[dict[str, object]]:
    """Counts from 1 to 10 stand as null (gate 8)."""
    return shown_drops(facts.drops).to_dicts()
