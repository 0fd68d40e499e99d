from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.contract import Contract
from attrition_assets.errors import RegistryError, TrainingError
from attrition_assets.training.reference import LABEL, STEP_LABEL, ReferenceData
from attrition_assets_tests.conftest import MakeSnapshot

JANUARY = pd.Period("2026-01", freq="M")


@pytest.fixture
def store(tmp_path: Path, contract: Contract) -> ReferenceStore:
    return ReferenceStore(tmp_path, contract)


@pytest.fixture
def reference(make_snapshot: MakeSnapshot, contract: Contract) -> ReferenceData:
    table = make_snapshot("2026-01", 4, 0).drop(columns="Attrition")
    labels = {LABEL: [1.0, 0.0, np.nan, np.nan], STEP_LABEL: [0.0, 0.0, np.nan, 1.0]}
    return ReferenceData(table.assign(**labels), JANUARY, contract)


def test_a_table_is_read_by_its_digest_as_it_was_kept(
    store: ReferenceStore, reference: ReferenceData
) -> None:
    digest = store.keep(reference)
    again = store.read(digest, JANUARY)
    assert_frame_equal(again.table, reference.table)
    assert (again.as_of, again.contract) == (JANUARY, reference.contract)
    assert store.keep(again) == digest
    assert sorted(path.name for path in store.folder.iterdir()) == [
        f"{digest}.parquet",
        "newest.json",
    ]


def test_the_newest_is_the_one_kept_last_and_older_ones_stay(
    store: ReferenceStore, reference: ReferenceData
) -> None:
    older = store.keep(reference)
    newer = store.keep(ReferenceData(reference.table.head(3), JANUARY + 1, reference.contract))
    newest, digest = store.read_newest()
    assert (digest, newest.as_of, len(newest.table)) == (newer, JANUARY + 1, 3)
    assert len(store.read(older, JANUARY).table) == 4


def test_a_changed_table_is_refused(store: ReferenceStore, reference: ReferenceData) -> None:
    digest = store.keep(reference)
    path = store.folder / f"{digest}.parquet"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RegistryError) as caught:
        store.read(digest, JANUARY)
    assert str(caught.value).startswith(f"{path} was changed: a model's baseline must be the very")
    assert str(caught.value).endswith("restore the file, or retrain and promote")
    with pytest.raises(RegistryError, match="was changed"):
        store.read_newest()


def test_another_table_under_the_name_of_a_digest_is_refused(
    store: ReferenceStore, reference: ReferenceData
) -> None:
    digest = store.keep(reference)
    other = store.keep(ReferenceData(reference.table.head(3), JANUARY, reference.contract))
    (store.folder / f"{other}.parquet").replace(store.folder / f"{digest}.parquet")
    with pytest.raises(RegistryError, match="was changed"):
        store.read(digest, JANUARY)


def test_an_absent_table_is_refused(store: ReferenceStore) -> None:
    with pytest.raises(RegistryError, match=r"abc\.parquet is absent: .* restore the file"):
        store.read("abc", JANUARY)


def test_without_reference_data_there_is_no_newest(store: ReferenceStore) -> None:
    with pytest.raises(TrainingError, match="no reference data yet: materialize reference_data"):
        store.read_newest()


def test_outcomes_and_the_newest_month_are_read_without_the_rest(
    store: ReferenceStore, reference: ReferenceData, make_snapshot: MakeSnapshot
) -> None:
    newest = make_snapshot("2026-02", 3, 1).drop(columns="Attrition")
    newest = newest.assign(**{LABEL: np.nan, STEP_LABEL: np.nan})
    both = ReferenceData(
        pd.concat([reference.table, newest], ignore_index=True), JANUARY, reference.contract
    )
    digest = store.keep(both)
    assert_frame_equal(store.read_newest_month(digest), both.newest)
    compact = store.read(digest, JANUARY, compact=True).table
    assert_frame_equal(compact, both.table, check_dtype=False, check_categorical=False)
    assert isinstance(compact["JobRole"].dtype, pd.CategoricalDtype)
    outcomes, columns = store.read_outcomes(digest, JANUARY).outcomes, [LABEL, STEP_LABEL]
    columns += both.contract.monitored
    assert set(outcomes) == {*columns, both.contract.snapshot_date}
    assert_frame_equal(
        outcomes[columns], both.outcomes[columns], check_dtype=False, check_categorical=False
    )
    (store.folder / f"{digest}.parquet").write_bytes(b"")
    for read in (store.read_newest_month, lambda digest: store.read_outcomes(digest, JANUARY)):
        with pytest.raises(RegistryError, match="is absent"):
            read(digest)
