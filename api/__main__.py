"""`python -m api`: serves the API until SIGTERM or SIGINT."""

import asyncio
import gc
import logging
import sys
from types import FrameType

import uvicorn
from fastapi import FastAPI

from activities.approvals import ApprovalWorkflows, has_search_attributes
from activities.deployment import Deployment
from api.limits import Buckets, Limits
from api.main import create_app
from cosignet.errors import CosignetError
from settings import Settings, connect_temporal, read_settings

GRACE = 10

logger = logging.getLogger("cosignet.api")


class Server(uvicorn.Server):
    """Uvicorn, except that long-polls are answered when the process is asked to stop, not waited for."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._poller = app.state.service.poller
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, a second time without grace. A signal handler: it may only leave notes for the loop."""
        # Uvicorn's own would raise the signal again at the end, and nothing could be tidied up.
        self.force_exit = self.should_exit
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._poller.stop)


def main() -> int:
    """Exit status: 0 after a signal, 1 when something is missing that this service needs."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(serve(*read_settings()))
    except CosignetError as error:
        logger.error("Not started: %s", error)
        return 1
    return 0


async def serve(settings: Settings, deployment: Deployment) -> None:
    """Serve until a signal comes. Raises `CosignetError` when the database or Temporal does not let it start."""
    try:
        await deployment.prepare()
        client = await connect_temporal()
        workflows = ApprovalWorkflows(client, search_attributes=await has_search_attributes(client))
        limits = Limits(Buckets(settings.calls_per_key), Buckets(settings.calls_per_address))
        app = create_app(deployment, workflows, limits=limits)
        config = uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
        await Server(config, app).serve()
    finally:
        await deployment.database.close()


if __name__ == "__main__":
    try:
        status = main()
    finally:
        # The SDK's runtime can abort at interpreter exit when a connection is still to be collected.
        gc.collect()
    sys.exit(status)
