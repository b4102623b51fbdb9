"""How a release presents itself on a hub of datasets: the front matter of README.md names a file for each split.

Takes a tree, gives the lines that go into the template. Source: Hugging Face Hub, dataset cards, `configs`.
"""

from cxr_core.release.plan import Tree
from cxr_core.vocabulary import Split

_HUB_NAMES = {Split.TRAIN: "train", Split.VALIDATE: "validation", Split.TEST: "test"}


def hub_splits(tree: Tree) -> str:
    """The `data_files` of the card: a table for each split that the tree holds; all rows as one where it holds none."""
    paths = {file.path for file in tree.files}
    found = [split for split in Split if _path(split) in paths]
    entries = [(_HUB_NAMES[split], _path(split)) for split in found] or [("all", "images.parquet")]
    return "\n".join(f"  - split: {name}\n    path: {path}" for name, path in entries)


def hub_lines() -> tuple[str, ...]:
    """Every line that `hub_splits` may give, for whoever must know the known text of the documents."""
    names = [f"  - split: {name}" for name in (*_HUB_NAMES.values(), "all")]
    return (*names, *(f"    path: {_path(split)}" for split in Split), "    path: images.parquet")


def _path(split: Split) -> str:
    return f"splits/{split.value}-images.parquet"
