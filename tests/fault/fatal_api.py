"""The real API with a fuse at every post: when it arrives, around each commit, and when it is to be answered."""

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import __main__ as production
from store.database import Database
from tests.fault.fuse import reached


@dataclass
class _Post:
    name: str
    commits: int = 0


_post: ContextVar[_Post | None] = ContextVar("post", default=None)
_create_app, _write = production.create_app, Database.write


class FusedPosts:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        name = scope["path"].rsplit("/", 1)[1]
        _post.set(_Post(name))
        reached(f"before {name}")

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300:
                reached(f"before the answer to {name}")
            await send(message)

        await self._app(scope, receive, answer)


def create_app(*arguments: Any, **options: Any) -> FastAPI:
    app = _create_app(*arguments, **options)
    app.add_middleware(FusedPosts)
    return app


@asynccontextmanager
async def write(self: Database) -> AsyncIterator[AsyncConnection]:
    post = _post.get() or _Post("")
    post.commits += 1
    which = f"commit {post.commits} of {post.name}"
    async with _write(self) as tx:
        yield tx
        reached(f"before {which}")
    reached(f"after {which}")


if __name__ == "__main__":
    production.create_app = create_app
    Database.write = write
    try:
        status = production.main()
    finally:
        gc.collect()
    sys.exit(status)
