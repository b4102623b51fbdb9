"""Tables are written whole or not at all, byte for byte the same for equal content."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxr_core.errors import BuildError
from cxr_core.tables.catalogue import DROPS, SPLITS
from cxr_core.tables.contract import ContractError
from cxr_core.tables.storage import atomic_path, read_table, write_table

ROWS = [{"subject_id": f"1000000{n}", "split": split} for n, split in enumerate(("train", "validate", "test"))]


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    frame = SPLITS.frame(ROWS)
    write_table(SPLITS, frame, tmp_path / "t.parquet")
    assert read_table(SPLITS, tmp_path / "t.parquet").equals(frame)


def test_equal_rows_in_another_order_give_equal_bytes(tmp_path: Path) -> None:
    write_table(SPLITS, SPLITS.frame(ROWS), tmp_path / "a.parquet")
    write_table(SPLITS, SPLITS.frame(ROWS[::-1]), tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_an_absent_file_is_an_empty_table(tmp_path: Path) -> None:
    assert read_table(SPLITS, tmp_path / "absent.parquet").equals(SPLITS.empty())


def test_a_table_that_breaks_its_contract_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ContractError):
        write_table(DROPS, SPLITS.frame(ROWS), tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


def test_another_table_under_the_name_is_refused(tmp_path: Path) -> None:
    write_table(SPLITS, SPLITS.frame(ROWS), tmp_path / "t.parquet")
    with pytest.raises(ContractError, match="another name or contract version"):
        read_table(DROPS, tmp_path / "t.parquet")


def test_a_foreign_or_truncated_file_is_one_clear_error(tmp_path: Path) -> None:
    foreign, truncated = tmp_path / "f.parquet", tmp_path / "t.parquet"
    pq.write_table(pa.table({"subject_id": ["1"]}), foreign)
    truncated.write_bytes(b"PAR1 and no more")
    for path in (foreign, truncated):
        with pytest.raises(BuildError) as caught:
            read_table(SPLITS, path)
        assert "\n" not in str(caught.value)


def test_an_exception_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
