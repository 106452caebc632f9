# SPDX-License-Identifier: GPL-3.0-or-later
"""The triggers that fill `schedule_changes`, whoever writes the contract tables (the outbox).

They only append plain rows in the writer's own transaction, so no two writers can wait for each other here.
SQLite has row triggers; PostgreSQL has statement triggers with transition tables, one INSERT per statement
however many rows it touched. On PostgreSQL the functions run as their owner, so that the dispatch
application's role needs no right on Daysheet's own tables.
"""

from __future__ import annotations

_NOW = "CAST(strftime('%s', 'now') AS INTEGER)"
_OWNED = {"blockers": "blockers", "time_off": "time-off"}
_SHOWN_OF_USER = ("time_zone", "display_name", "username")


def statements(dialect: str) -> list[str]:
    """The statements that create them in `sqlite` or `postgresql`, in order, for one transaction."""
    return _sqlite() if dialect == "sqlite" else _postgresql()


def of_table(dialect: str, table: str, slug: str, unique: str | None = None) -> list[str]:
    """Those of one table whose rows have an `id` and a `user_id` and are in that user's calendar `slug`: what the
    migration of a new kind of calendar needs. `unique` is a further column by which a row may replace another.
    """
    if dialect == "sqlite":
        return _sqlite_owned(table, f"'{slug}'", unique)
    return [_PG_PATH, *_pg_owned(table, f"'{slug}'", "r.user_id", "r.id"), *_pg_truncate(table, slug)]


def _append(select: str) -> str:
    return f"INSERT INTO schedule_changes (user_id, slug, source_id, changed_at) {select};"


def _sqlite_trigger(name: str, event: str, body: str, when: str = "") -> str:
    return f"CREATE TRIGGER daysheet_{name} {event} FOR EACH ROW {when}BEGIN {body} END"


def _sqlite() -> list[str]:
    created = [*_sqlite_jobs(), *_sqlite_users()]
    for table, slug in _OWNED.items():
        created += _sqlite_owned(table, f"'{slug}'", "reference")
    created += _sqlite_owned("external_events", "'external-' || {row}.subscription_id", None)
    return created


def _sqlite_jobs() -> list[str]:
    def assignees(row: str) -> str:
        return _append(f"SELECT user_id, 'jobs', job_id, {_NOW} FROM job_assignments WHERE job_id = {row}.id")

    def assignment(row: str) -> str:
        return _append(f"VALUES ({row}.user_id, 'jobs', {row}.job_id, {_NOW})")

    # OR REPLACE removes the row in the way without firing its delete trigger: look for it before the write.
    replaced = _append(
        f"SELECT a.user_id, 'jobs', a.job_id, {_NOW} FROM job_assignments a JOIN jobs j ON j.id = a.job_id"
        " WHERE j.id = NEW.id OR j.reference = NEW.reference"
    )
    moved = "BEFORE UPDATE OF id, reference ON jobs"
    return [
        _sqlite_trigger("jobs_replace", "BEFORE INSERT ON jobs", replaced),
        _sqlite_trigger("jobs_update_replace", moved, replaced),
        _sqlite_trigger("jobs_insert", "AFTER INSERT ON jobs", assignees("NEW")),
        _sqlite_trigger("jobs_update", "AFTER UPDATE ON jobs", assignees("NEW")),
        _sqlite_trigger("jobs_rekey", "AFTER UPDATE OF id ON jobs", assignees("OLD")),
        # Before: with PRAGMA foreign_keys the assignments are gone afterwards, without it they stay.
        _sqlite_trigger("jobs_delete", "BEFORE DELETE ON jobs", assignees("OLD")),
        _sqlite_trigger("job_assignments_insert", "AFTER INSERT ON job_assignments", assignment("NEW")),
        _sqlite_trigger(
            "job_assignments_update", "AFTER UPDATE ON job_assignments", assignment("OLD") + assignment("NEW")
        ),
        _sqlite_trigger("job_assignments_delete", "AFTER DELETE ON job_assignments", assignment("OLD")),
    ]


def _sqlite_users() -> list[str]:
    def everything(rows: str, where: str) -> str:
        body = "".join(
            _append(f"SELECT u.id, '{slug}', NULL, {_NOW} FROM {rows} WHERE {where}")
            for slug in ("jobs", *_OWNED.values())
        )
        external = (
            f"SELECT u.id, 'external-' || s.id, NULL, {_NOW} FROM {rows}"
            " JOIN subscriptions s ON s.user_id = u.id"
        )
        return body + _append(f"{external} WHERE {where}")

    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in _SHOWN_OF_USER)
    return [
        _sqlite_trigger(
            "users_replace",
            "BEFORE INSERT ON users",
            everything("users u", "u.id = NEW.id OR u.username = NEW.username"),
        ),
        _sqlite_trigger(
            "users_update",
            "AFTER UPDATE ON users",
            everything("users u", "u.id = NEW.id"),
            f"WHEN {changed} ",
        ),
    ]


def _sqlite_owned(table: str, slug: str, unique: str | None) -> list[str]:
    def change(row: str) -> str:
        return _append(f"VALUES ({row}.user_id, {slug.format(row=row)}, {row}.id, {_NOW})")

    same = "t.id = NEW.id" + (f" OR t.{unique} = NEW.{unique}" if unique else "")
    replaced = _append(f"SELECT t.user_id, {slug.format(row='t')}, t.id, {_NOW} FROM {table} t WHERE {same}")
    columns = f"id, {unique}" if unique else "id"
    return [
        _sqlite_trigger(f"{table}_replace", f"BEFORE INSERT ON {table}", replaced),
        _sqlite_trigger(f"{table}_update_replace", f"BEFORE UPDATE OF {columns} ON {table}", replaced),
        _sqlite_trigger(f"{table}_insert", f"AFTER INSERT ON {table}", change("NEW")),
        _sqlite_trigger(f"{table}_update", f"AFTER UPDATE ON {table}", change("OLD") + change("NEW")),
        _sqlite_trigger(f"{table}_delete", f"AFTER DELETE ON {table}", change("OLD")),
    ]


_PG_NOW = "extract(epoch from clock_timestamp())::bigint"
# For the functions to keep: a writer's temporary tables must never stand in for ours.
_PG_PATH = "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"


def _postgresql() -> list[str]:
    created = [_PG_PATH, *_pg_jobs(), *_pg_users()]
    for table, slug in _OWNED.items():
        created += _pg_owned(table, f"'{slug}'", "r.user_id", "r.id") + _pg_truncate(table, slug)
    created += _pg_owned("external_events", "'external-' || r.subscription_id", "r.user_id", "r.id")
    created += _pg_owned("job_assignments", "'jobs'", "r.user_id", "r.job_id") + _pg_truncate(
        "job_assignments", "jobs"
    )
    return created


def _pg_function(name: str, body: str) -> str:
    return (
        f"CREATE FUNCTION daysheet_{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        f" SET search_path FROM CURRENT AS $$ BEGIN {body} RETURN NULL; END $$"
    )


def _pg_trigger(name: str, event: str, table: str, rows: str) -> str:
    referencing = f"REFERENCING {rows} " if rows else ""
    return (
        f"CREATE TRIGGER daysheet_{name} AFTER {event} ON {table} {referencing}"
        f"FOR EACH STATEMENT EXECUTE FUNCTION daysheet_{name}()"
    )


def _pg_pair(name: str, event: str, table: str, rows: str, body: str) -> list[str]:
    return [_pg_function(name, body), _pg_trigger(name, event, table, rows)]


def _pg_jobs() -> list[str]:
    # An insert has no assignees yet and a delete cascades to job_assignments, whose triggers speak for it.
    body = _append(
        f"SELECT a.user_id, 'jobs', a.job_id, {_PG_NOW} FROM new_rows r"
        " JOIN job_assignments a ON a.job_id = r.id"
    )
    return _pg_pair("jobs_update", "UPDATE", "jobs", "NEW TABLE AS new_rows", body)


def _pg_users() -> list[str]:
    changed = " OR ".join(f"n.{column} IS DISTINCT FROM o.{column}" for column in _SHOWN_OF_USER)
    body = _append(
        f"SELECT n.id, s.slug, NULL::bigint, {_PG_NOW} FROM new_rows n"
        " JOIN old_rows o ON o.id = n.id CROSS JOIN LATERAL"
        " (VALUES ('jobs'), ('blockers'), ('time-off') UNION ALL"
        " SELECT 'external-' || e.id FROM subscriptions e WHERE e.user_id = n.id) AS s(slug)"
        f" WHERE {changed}"
    )
    return _pg_pair("users_update", "UPDATE", "users", "OLD TABLE AS old_rows NEW TABLE AS new_rows", body)


def _pg_owned(table: str, slug: str, user: str, source: str) -> list[str]:
    def change(rows: str) -> str:
        return f"SELECT {user}, {slug}, {source}, {_PG_NOW} FROM {rows} r"

    both = _append(f"{change('old_rows')} UNION {change('new_rows')}")
    return [
        *_pg_pair(f"{table}_insert", "INSERT", table, "NEW TABLE AS new_rows", _append(change("new_rows"))),
        *_pg_pair(f"{table}_update", "UPDATE", table, "OLD TABLE AS old_rows NEW TABLE AS new_rows", both),
        *_pg_pair(f"{table}_delete", "DELETE", table, "OLD TABLE AS old_rows", _append(change("old_rows"))),
    ]


def _pg_truncate(table: str, slug: str) -> list[str]:
    body = _append(f"SELECT id, '{slug}', NULL::bigint, {_PG_NOW} FROM users")
    return _pg_pair(f"{table}_truncate", "TRUNCATE", table, "", body)
