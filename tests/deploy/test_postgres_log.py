"""What the embedded database writes down of statements that fail."""

import shutil
from pathlib import Path

import pytest
from psycopg.errors import UniqueViolation

from deploy.postgres import Postgres
from deploy.services import make_socket_folder


def test_a_statement_that_fails_leaves_no_values_in_the_log(place: Path) -> None:
    socket_folder = make_socket_folder()
    server = Postgres(place, socket_folder, is_throwaway=True)
    server.start()
    try:
        with server.connect() as connection:
            connection.execute("CREATE TABLE said (address text UNIQUE)")
            connection.execute("INSERT INTO said VALUES ('mei@customer.example')")
            # Whoever asked is told.
            with pytest.raises(UniqueViolation, match=r"mei@customer\.example"):
                connection.execute("INSERT INTO said VALUES ('mei@customer.example')")
    finally:
        server.stop()
        shutil.rmtree(socket_folder)
    log = server.log_path.read_text()
    assert "duplicate key value" in log
    assert "mei@customer.example" not in log
