"""The app: routes, errors, guards, and one poller for as long as it runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI

from activities.approvals import ApprovalWorkflows
from activities.deployment import Deployment
from api import approvals, confirmations, health, public_log, registration, signing_in, trusting
from api.documentation import Api
from api.guard import SameSite, SecurityHeaders
from api.limits import Limits
from api.pages import WEB, pages_of
from api.polling import Poller
from api.problems import LastResort, handle_problems
from api.service import Service
from cosignet import __version__


def create_app(
    deployment: Deployment, workflows: ApprovalWorkflows, *, limits: Limits | None = None, web: Path = WEB
) -> FastAPI:
    """The HTTP side of one installation, whose database is prepared; `web` holds its pages."""
    app = Api(
        title="Cosignet",
        version=__version__,
        summary="A human's passkey signature in front of the riskiest actions of AI agents",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.service = Service(deployment, workflows, Poller(deployment.database), limits or Limits())
    for routes in (confirmations, approvals, signing_in, registration, trusting, public_log, health):
        app.include_router(routes.router)
    app.include_router(pages_of(web, deployment.public_url))
    handle_problems(app)
    # The last one added is the outermost.
    app.add_middleware(SameSite, origins=deployment.rp.origins)
    app.add_middleware(LastResort)
    app.add_middleware(SecurityHeaders, https=deployment.public_url.startswith("https:"))
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    polling = asyncio.create_task(app.state.service.poller.run())
    try:
        yield
    finally:
        polling.cancel()
        with suppress(asyncio.CancelledError):
            await polling
