"""What one step of an approval does with the database: transactions, statements, and the time each of them takes.

Listens to every engine of the process; whose work it is says the name that `during` sets.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

_step: ContextVar[str] = ContextVar("step", default="")


@dataclass
class Work:
    """What all runs of one step did, and the seconds they took."""

    runs: int = 0
    seconds: float = 0
    transactions: int = 0
    statements: int = 0
    statement_seconds: float = 0
    commits: int = 0
    commit_seconds: float = 0


class Instruments:
    """Counts and times, by step, from now on."""

    def __init__(self) -> None:
        self.work: dict[str, Work] = defaultdict(Work)
        self._committing: dict[int, tuple[str, float]] = {}
        self._listeners = [
            (Engine, "begin", self._begin),
            (Engine, "before_cursor_execute", self._before),
            (Engine, "after_cursor_execute", self._after),
            (Engine, "commit", self._commit),
            (Pool, "checkin", self._checkin),
        ]
        for listener in self._listeners:
            event.listen(*listener)

    def close(self) -> None:
        """Stop listening."""
        for listener in self._listeners:
            event.remove(*listener)

    @contextmanager
    def during(self, step: str) -> Iterator[None]:
        """Whatever happens in this block and context is work of `step`."""
        token, before = _step.set(step), time.perf_counter()
        try:
            yield
        finally:
            self.work[step].seconds += time.perf_counter() - before
            self.work[step].runs += 1
            _step.reset(token)

    def as_json(self) -> dict[str, dict[str, Any]]:
        """The work of each step."""
        return {step: asdict(work) for step, work in self.work.items()}

    def _begin(self, connection: Any) -> None:
        self.work[_step.get()].transactions += 1

    def _before(self, connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        connection.info["since"] = time.perf_counter()

    def _after(self, connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        # How a transaction begins is told by its count.
        if statement.startswith(("BEGIN", "PRAGMA")):
            return
        since = connection.info.pop("since", None)
        if since is None:
            # Somebody else's, begun before anything was measured.
            return
        work = self.work[_step.get()]
        work.statements += 1
        work.statement_seconds += time.perf_counter() - since

    def _commit(self, connection: Any) -> None:
        self._committing[id(connection.connection.dbapi_connection)] = (_step.get(), time.perf_counter())

    def _checkin(self, dbapi_connection: Any, record: Any) -> None:
        # A connection goes back to its pool as soon as its commit is answered.
        step, since = self._committing.pop(id(dbapi_connection), ("", 0.0))
        if since:
            self.work[step].commits += 1
            self.work[step].commit_seconds += time.perf_counter() - since
