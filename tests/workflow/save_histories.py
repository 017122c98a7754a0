"""Save one history of each ending for later releases to replay: `python -m tests.workflow.save_histories`.

A history that is there is never overwritten: a deployed worker may still be in the middle of one like it.
"""

import asyncio
import gc
import tempfile
from dataclasses import replace
from pathlib import Path

from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.closing import close_confirmation
from cosignet import __version__
from cosignet.core.encoding import b64u
from cosignet.temporal.contract import APPROVAL_SIGNAL, SYNC_SIGNAL, Outcome
from stack import find_temporal
from tests.publishing import published
from tests.workflow.service import Service

FOLDER = Path(__file__).parent / "histories"
Handle = WorkflowHandle[object, Outcome]


async def approved(service: Service) -> Handle:
    confirmation, handle = await service.start()
    await service.inbox.told("anna@example.com")
    await asyncio.sleep(0.3)
    await service.vote(confirmation, *(await service.acme.sign(confirmation, "anna")))
    return handle


async def rejected(service: Service) -> Handle:
    confirmation, handle = await service.start()
    await service.vote(confirmation, *(await service.acme.sign(confirmation, "anna", "reject", "no")))
    return handle


async def quorum(service: Service) -> Handle:
    confirmation, handle = await service.start(approvers=["anna@example.com", "cem@example.com"], threshold=2)
    for name in ("cem", "anna"):
        await service.vote(confirmation, *(await service.acme.sign(confirmation, name)))
    return handle


async def signalled(service: Service) -> Handle:
    confirmation, handle = await service.start()
    _, vote = await service.acme.sign(confirmation, "anna")
    await handle.signal(APPROVAL_SIGNAL, replace(vote, signature=b64u(b"not a signature")))
    await handle.signal(APPROVAL_SIGNAL, vote)
    return handle


async def expired(service: Service) -> Handle:
    confirmation, handle = await service.start()
    await close_confirmation(service.acme.deployment, confirmation, "expired")
    await handle.signal(SYNC_SIGNAL)
    return handle


async def cancelled(service: Service) -> Handle:
    _, handle = await service.start()
    await service.inbox.told("anna@example.com")
    await handle.cancel()
    return handle


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            published(f"sqlite:///{folder}/cosignet.db", Path(folder)) as database,
            await WorkflowEnvironment.start_local(dev_server_existing_path=find_temporal()) as environment,
        ):
            service = await Service.found(environment.client, database)
            async with service.worker():
                for scenario in (approved, rejected, quorum, signalled, expired, cancelled):
                    await save(scenario.__name__, await scenario(service))


async def save(name: str, handle: Handle) -> None:
    await handle.result()
    history = await handle.fetch_history()
    path = FOLDER / f"{__version__}-{name}.json"
    if not path.exists():
        path.write_text(history.to_json())


if __name__ == "__main__":
    asyncio.run(main())
    gc.collect()
