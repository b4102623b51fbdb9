"""Damaged tables are found to the last page, named, and moved aside only where a build makes them again."""

import random
from pathlib import Path

import pytest
from ledgers import ledger_row

from cxr_core.errors import BuildError
from cxr_core.planning.damage import find_damage, set_aside
from cxr_core.planning.stages import LABEL
from cxr_core.tables.catalogue import LEDGER, PSEUDONYMS, SECTIONS, SPLITS
from cxr_core.tables.stage_store import StageStore
from cxr_core.tables.storage import DamagedTableError, write_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import Stage


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "workspace")
    made.create()
    return made


@pytest.fixture
def store(workspace: Workspace) -> StageStore:
    """Two studies in the base, one in a part."""
    store = LABEL.store(workspace)
    _commit(store, "50000001", "50000002")
    store.compact(frozenset(["50000001", "50000002"]))
    _commit(store, "50000003")
    return store


def _commit(store: StageStore, *studies: str) -> None:
    rows = [{"study_id": s, "section": "impression", "start": 0, "end": 9, "fallback": None} for s in studies]
    store.commit({SECTIONS.name: rows}, [ledger_row(study) for study in studies])


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)


def _found(workspace: Workspace) -> list[str]:
    return [damage.name for damage in find_damage(workspace)]


def test_a_sound_workspace_has_no_damage(workspace: Workspace, store: StageStore) -> None:
    assert _found(workspace) == []


def test_a_flipped_bit_is_found_or_changes_nothing(workspace: Workspace, store: StageStore) -> None:
    """Wherever it lies: in a page, whose checksum no longer holds, in its header, in the footer."""
    path = store.root / "ledger.parquet"
    before, sound = store.ledger(), path.read_bytes()
    rng = random.Random(3)
    found = 0
    for place in rng.sample(range(len(sound)), 200):
        _flip(path, place)
        try:
            assert store.ledger().equals(before), place
        except BuildError:
            found += 1
        path.write_bytes(sound)
    assert found > 50


def test_the_line_names_the_file_and_who_helps(workspace: Workspace, store: StageStore) -> None:
    (store.root / "ledger.parquet").write_bytes(b"PAR1")
    with pytest.raises(DamagedTableError, match=r"^stages/label/ledger\.parquet is damaged or gone; `cxr doctor"):
        store.ledger()


def test_a_damaged_part_goes_whole_and_its_study_is_to_be_done(workspace: Workspace, store: StageStore) -> None:
    (part,) = store.parts()
    (part / "labels.parquet").write_bytes(b"PAR1")
    (damage,) = find_damage(workspace)
    assert damage.name == f"stages/label/parts/{part.name}/labels.parquet"
    place = set_aside(workspace, damage)
    assert place == workspace.root / "damaged" / "001"
    assert (place / "stages/label/parts" / part.name / "sections.parquet").exists()
    assert store.ledger()["study_id"].to_list() == ["50000001", "50000002"]
    assert _found(workspace) == []


def test_a_damaged_base_goes_with_its_ledger_and_the_parts_stay(workspace: Workspace, store: StageStore) -> None:
    (store.root / "sections.parquet").write_bytes(b"")
    (damage,) = find_damage(workspace)
    set_aside(workspace, damage)
    assert store.read(LEDGER)["study_id"].to_list() == ["50000003"]
    assert _found(workspace) == []


def test_a_table_that_is_gone_is_damage(workspace: Workspace, store: StageStore) -> None:
    (store.parts()[0] / "evidence.parquet").unlink()
    (store.root / "labels.parquet").unlink()
    assert [name.rpartition("/")[2] for name in _found(workspace)] == ["labels.parquet", "evidence.parquet"]


def test_two_damages_of_one_base_are_one_move(workspace: Workspace, store: StageStore) -> None:
    for name in ("sections", "labels"):
        (store.root / f"{name}.parquet").write_bytes(b"")
    moved = [set_aside(workspace, damage) for damage in find_damage(workspace)]
    assert moved == [workspace.root / "damaged" / "001", None]


@pytest.mark.parametrize("name", ["vault/pseudonyms.parquet", "stages/split/splits.parquet"])
def test_ids_and_splits_are_never_moved(workspace: Workspace, name: str) -> None:
    write_table(PSEUDONYMS, PSEUDONYMS.empty(), workspace.catalog_table(PSEUDONYMS))
    write_table(SPLITS, SPLITS.empty(), workspace.stage(Stage.SPLIT) / "splits.parquet")
    (workspace.root / name).write_bytes(b"PAR1")
    (damage,) = find_damage(workspace)
    assert (damage.name, damage.moves) == (name, ())
    assert "from a backup" in damage.advice
    assert set_aside(workspace, damage) is None


def test_what_comes_from_the_vault_stays_in_it(workspace: Workspace) -> None:
    (workspace.catalog / "instances.parquet").write_bytes(b"PAR1")
    (damage,) = find_damage(workspace)
    assert set_aside(workspace, damage) == workspace.vault / "damaged" / "001"
