# SPDX-License-Identifier: GPL-3.0-or-later
"""Behind a pooler in transaction mode nothing may outlive a transaction; with PgBouncer itself where there is one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import make_url, text

from scheduling.access import credentials
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.calendars.poll import Polling
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database import schema
from scheduling.database.connection import Database
from scheduling.errors import DatabaseUnavailable
from scheduling.snapshot import Snapshot
from tests.factories import Dispatch

PGBOUNCER = shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
OFTEN = 12
"""More than the five times after which psycopg prepares a statement."""
_POOL = """\
[databases]
daysheet = host={host} port={port} dbname={database} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
"""


@pytest.fixture
def pooled(postgresql_database: Database) -> Iterator[Database]:
    """The database as it is used behind a pooler."""
    database = Database(_text(postgresql_database), busy_timeout=3, transaction_pooling=True)
    yield database
    database.dispose()


def _text(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def _shown(database: Database, name: str) -> tuple[str, str]:
    """A setting of the session in a read and in a write transaction."""
    with database.read() as reading, database.write() as writing:
        shown = [connection.scalar(text(f"SHOW {name}")) for connection in (reading, writing)]
    return str(shown[0]), str(shown[1])


def test_nothing_is_prepared(postgresql_database: Database, pooled: Database) -> None:
    query = "SELECT count(*) FROM pg_prepared_statements"
    prepared = {}
    for database in (postgresql_database, pooled):
        for _ in range(OFTEN):
            ((prepared[database],),) = database.rows(query, ())
        with database.read() as connection:
            for _ in range(OFTEN):
                connection.execute(text("SELECT 1"))
            prepared[database] += connection.scalar(text(query))
    assert prepared[postgresql_database] > 0, "otherwise there is nothing to be seen here"
    assert prepared[pooled] == 0


def test_the_session_stays_as_the_server_gave_it(postgresql_database: Database, pooled: Database) -> None:
    assert _shown(postgresql_database, "lock_timeout") == ("10s", "10s")
    assert _shown(pooled, "lock_timeout") == ("0", "3s")
    assert _shown(pooled, "lock_timeout") == ("0", "3s"), "it was set for one transaction"


@pytest.fixture
def behind_pgbouncer(postgresql_database: Database, tmp_path: Path) -> Iterator[str]:
    """The URL of the same database through a real PgBouncer with two sessions."""
    if PGBOUNCER is None:
        pytest.skip("PgBouncer is not installed")
    url = make_url(_text(postgresql_database))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listen = listener.getsockname()[1]
    settings = tmp_path / "pgbouncer.ini"
    folder, port = str(url.query["host"]), url.port or 5432
    settings.write_text(_POOL.format(host=folder, port=port, database=url.database, listen=listen))
    # It refuses to be root, and PostgreSQL's socket is for PostgreSQL's user only.
    owner = Path(folder, f".s.PGSQL.{port}").owner()
    as_user = ["-u", owner] if os.geteuid() == 0 else []
    with (tmp_path / "log").open("wb") as log:
        pooler = subprocess.Popen([PGBOUNCER, *as_user, str(settings)], stderr=log)  # noqa: S603
    try:
        _await(listen)
        yield f"postgresql+psycopg://postgres@127.0.0.1:{listen}/daysheet"
    finally:
        pooler.terminate()
        pooler.wait(10)


def _await(port: int) -> None:
    for _ in range(100):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)
    raise TimeoutError("PgBouncer does not listen")


def test_everything_works_through_pgbouncer(behind_pgbouncer: str, postgresql_database: Database) -> None:
    database = Database(behind_pgbouncer, transaction_pooling=True)
    try:
        schema.upgrade(database)
        with Dispatch.connect(postgresql_database.url) as dispatch:
            user = dispatch.user("ann")
            dispatch.job(user)
        config = Config()
        keyring = Keyring(Fernet.generate_key().decode())
        with database.write() as connection:
            _, password = credentials.create_app_password(connection, keyring, user, "phone", actor=SYSTEM)
        with Snapshot(database, config, followers=FOLLOWERS) as snapshot:
            assert len(snapshot.calendars("ann")) == 3
        lookup = keyring.lookup(password)
        polling = Polling(database, config)

        def poll(_number: int) -> bool:
            with Snapshot(database, config, followers=FOLLOWERS) as snapshot:
                state = snapshot.calendar("ann", "jobs")
            found = polling.glance("ann", lookup, "jobs", time.time())
            return found is not None and state is not None and found.calendar.revision == state.revision

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(poll, range(8 * OFTEN)))
    finally:
        database.dispose()


def test_without_the_setting_pgbouncer_refuses_the_session(behind_pgbouncer: str) -> None:
    database = Database(behind_pgbouncer)
    with pytest.raises(DatabaseUnavailable), database.read():
        pass
    database.dispose()
