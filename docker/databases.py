"""A database and a role for Airflow and for Prefect; neither can open the other's."""

import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql


def connect() -> psycopg2.extensions.connection:
    """A connection to the server, which may be starting still. Raises: OperationalError after two minutes."""
    password = Path("/keys/postgres/password").read_text()
    last = time.monotonic() + 120
    while True:
        try:
            return psycopg2.connect(host="postgres", user="postgres", password=password, dbname="postgres")
        except psycopg2.OperationalError:
            if time.monotonic() > last:
                raise
            time.sleep(0.5)


def main() -> None:
    """Make what is missing, and set the passwords to those of the keys."""
    admin = connect()
    admin.autocommit = True
    with admin.cursor() as cursor:
        for name in ("airflow", "prefect"):
            password = urlsplit(Path(f"/keys/{name}/database").read_text()).password
            cursor.execute("select 1 from pg_roles where rolname = %s", [name])
            verb = "alter" if cursor.fetchone() else "create"
            role = sql.Identifier(name)
            cursor.execute(sql.SQL(verb + " role {} login password {}").format(role, sql.Literal(password)))
            cursor.execute("select 1 from pg_database where datname = %s", [name])
            if not cursor.fetchone():
                cursor.execute(sql.SQL("create database {} owner {}").format(role, role))
            cursor.execute(sql.SQL("revoke connect on database {} from public").format(role))
    admin.close()


main()
