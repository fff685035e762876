"""The database of the books: a transaction takes everything back and tells the first cause."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from deident.store import database


def _fail_inside(connection: sqlite3.Connection, *, taken_back: bool) -> None:
    with database.transaction(connection):
        connection.execute("CREATE TABLE one (id)")
        if taken_back:
            connection.execute("ROLLBACK")
        raise OSError("the first cause")


@pytest.mark.parametrize("taken_back", [False, True], ids=["by us", "by SQLite itself"])
def test_a_transaction_that_fails_tells_why(tmp_path: Path, taken_back: bool) -> None:
    connection = database.connect(str(tmp_path))
    try:
        with pytest.raises(OSError, match="the first cause"):
            _fail_inside(connection, taken_back=taken_back)
        assert not connection.in_transaction
        query = "SELECT count(*) FROM sqlite_master WHERE name = 'one'"
        assert connection.execute(query).fetchone() == (0,)
    finally:
        connection.close()
