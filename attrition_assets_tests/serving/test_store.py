"""Answered predictions are stored once, in either kind of database, or somebody is told."""

from collections.abc import Callable
from concurrent.futures import wait
from contextlib import closing
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from attrition_assets.adapters.served_predictions import ServedPredictions
from attrition_assets.errors import DatabaseError
from attrition_assets.serving.store import PredictionStore, Pseudonyms
from attrition_assets_tests.outages import holding
from attrition_assets_tests.processes import wait_until

from .conftest import NOW, make_rows

AWAY = "postgresql://her:secret@127.0.0.1:9/hr"


def place(path: Path) -> ServedPredictions:
    return ServedPredictions(SecretStr(f"sqlite:///{path}"))


def list_ids(held: ServedPredictions) -> list[tuple[str, int]]:
    return [(each["request_id"], each["row"]) for each in held.read(10_000)]


def test_what_is_put_is_stored_with_all_that_is_known_of_it(url: str) -> None:
    held = ServedPredictions(SecretStr(url))
    with closing(PredictionStore(held)) as store:
        store.put(make_rows("a", 2)).result()
    (first, second) = held.read(10)
    assert first | {"scored_at": NOW} == make_rows("a")[0]
    assert first["scored_at"].replace(tzinfo=UTC) == NOW
    assert second["row"] == 1
    assert held.read(10, "b") == []


def test_rows_that_are_put_again_stand_once(url: str) -> None:
    held = ServedPredictions(SecretStr(url))
    with closing(PredictionStore(held)) as store:
        for _ in range(2):
            store.put(make_rows("a", 2)).result()
    assert list_ids(held) == [("a", 0), ("a", 1)]


def test_what_is_past_its_retention_is_counted_and_goes(url: str) -> None:
    older = [row | {"scored_at": NOW - timedelta(microseconds=1)} for row in make_rows("old", 3)]
    with closing(ServedPredictions(SecretStr(url))) as held:
        assert held.count_before(NOW) == 0  # before anything was written
        held.remove_before(NOW)
        held.write([*make_rows("new", 2), *older])
        assert held.count_before(NOW) == 3
        held.remove_before(NOW)
        assert list_ids(held) == [("new", 0), ("new", 1)]
        assert held.count_before(NOW) == 0


def test_a_database_that_is_away_is_no_empty_one() -> None:
    with pytest.raises(DatabaseError, match="correct ATTRITION_SERVED_PREDICTIONS") as caught:
        ServedPredictions(SecretStr(AWAY)).count_before(NOW)
    assert "secret" not in str(caught.value)


def test_what_was_put_before_the_end_is_stored(tmp_path: Path) -> None:
    held = place(tmp_path / "served.db")
    store = PredictionStore(held)
    done = [store.put(make_rows(f"{number:03}")) for number in range(300)]
    store.close()
    assert all(each.done() for each in done)
    wait(done)
    assert list_ids(held) == [(f"{number:03}", 0) for number in range(300)]


def test_a_database_that_is_away_refuses_and_shows_no_password() -> None:
    held = ServedPredictions(SecretStr(AWAY))
    with closing(PredictionStore(held)) as store, pytest.raises(DatabaseError) as caught:
        store.put(make_rows("a")).result()
    assert "secret" not in str(caught.value)


def test_a_locked_file_refuses_and_takes_the_next_once_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "served.db"
    held = place(path)
    with closing(PredictionStore(held)) as store:
        store.put(make_rows("a")).result()
        with holding(path), pytest.raises(DatabaseError, match="locked"):
            store.put(make_rows("b")).result()
        store.put(make_rows("c")).result()
    assert list_ids(held) == [("a", 0), ("c", 0)]


def test_a_database_of_another_kind_is_refused() -> None:
    held = ServedPredictions(SecretStr("mysql://127.0.0.1/hr"))
    with pytest.raises(DatabaseError, match="SQLite file or a PostgreSQL database"):
        held.write(make_rows("a"))


def test_what_waits_stands_in_the_database_once_it_is_back(
    postgres: Callable[[], str], tmp_path: Path
) -> None:
    """Also when the process ended in between, and when it ended after it moved half of it."""
    waiting = place(tmp_path / "waiting.db")
    with closing(PredictionStore(ServedPredictions(SecretStr(AWAY)), waiting)) as store:
        for request in ("a", "b"):
            store.put(make_rows(request, 600)).result()
    assert len(list_ids(waiting)) == 1200
    back = ServedPredictions(SecretStr(postgres()))
    back.write(make_rows("a", 600))  # moved, and not yet removed here
    with closing(PredictionStore(back, waiting)):
        wait_until(lambda: not waiting.read(1), "the rows to be moved")
    assert sorted(list_ids(back)) == [(r, n) for r in ("a", "b") for n in range(600)]


def test_an_employee_is_stored_by_name_or_by_a_digest_that_only_the_key_gives() -> None:
    assert Pseudonyms().name(7) == "7"
    hidden = Pseudonyms(SecretStr("a key")).name(7)
    assert hidden == Pseudonyms(SecretStr("a key")).name("7")
    assert len(hidden) == 64
    assert hidden != Pseudonyms(SecretStr("another")).name(7)
