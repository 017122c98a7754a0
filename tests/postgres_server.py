"""A PostgreSQL server of our own on a free port, run as user `postgres` when the tests run as root."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from types import TracebackType

import psycopg

from stack import free_port


class PostgresServer:
    """`with PostgresServer() as server`: initialised, started, and gone again at the end."""

    def __init__(self) -> None:
        # Not below the user's home: user `postgres` could not reach a directory there.
        self._home = Path(tempfile.mkdtemp(prefix="cosignet-postgres-"))
        self._data = self._home / "data"
        self.port = free_port()

    @property
    def url(self) -> str:
        """Where the server's maintenance database is."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def create_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        return self.url.rsplit("/", 1)[0] + f"/{name}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._home}"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", self._home / "log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: `fast`, or `immediate` as in a crash."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def __enter__(self) -> "PostgresServer":
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self._home, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop("immediate")
        shutil.rmtree(self._home, ignore_errors=True)

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(find_binaries() / program), *map(str, arguments)]
        as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*as_postgres, *command], check=True, cwd=self._home, stdout=subprocess.DEVNULL)


def find_binaries() -> Path:
    """The folder of the newest installed server. Raises `RuntimeError` when there is none."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if versions:
        return versions[-1]
    found = shutil.which("initdb")
    if found is None:
        raise RuntimeError("PostgreSQL is not installed; run `make test` as root, or install the package postgresql")
    return Path(found).parent
