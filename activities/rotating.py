"""The log's keys, replaced with an overlap in which the old and the new ones sign every head."""

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.appending import require_founded
from activities.deployment import Deployment
from activities.key_file import KeyFile, new_keys
from cosignet.core.leaf import ROTATED, public_keys
from cosignet.core.log_keys import LogKey
from cosignet.errors import Conflict
from store.events import INSTALLATION, add_event
from store.heads import active_keys, add_keys, retire_keys
from store.log import get_tree


async def begin_rotation(deployment: Deployment, file: KeyFile) -> list[str]:
    """Add a new key of each kind; the verifier keys that sign from now on, the oldest first.

    Raises `Conflict("log.rotation")` while an earlier rotation is not finished, `Unavailable`.
    """
    async with deployment.database.write() as tx:
        tree = require_founded(await get_tree(tx, lock=True))
        if _outdated(await active_keys(tx)):
            raise Conflict("log.rotation", "finish the last rotation first")
        fresh = new_keys(tree.origin)
        # First the file: whoever signs with the keys that the database names must find each of them there.
        file.write([*file.read(), *fresh])
        await add_keys(tx, [key.public.to_text() for key in fresh], at=await deployment.database.clock(tx))
        return await _record(tx, deployment)


async def finish_rotation(deployment: Deployment, file: KeyFile) -> list[str]:
    """Let the older key of each kind sign no more; the verifier keys that sign from now on.

    Raises `Conflict("log.rotation")` where none was begun, `Unavailable`.
    """
    async with deployment.database.write() as tx:
        require_founded(await get_tree(tx, lock=True))
        old = _outdated(await active_keys(tx))
        if not old:
            raise Conflict("log.rotation", "no rotation was begun")
        await retire_keys(tx, old, at=await deployment.database.clock(tx))
        left = await _record(tx, deployment)
    file.write([key for key in file.read() if key.public.to_text() not in old])
    return left


async def _record(tx: AsyncConnection, deployment: Deployment) -> list[str]:
    vkeys = await active_keys(tx)
    shown = {"keys": public_keys(LogKey.parse(vkey) for vkey in vkeys)}
    await add_event(tx, INSTALLATION, ROTATED, shown, at=await deployment.database.clock(tx))
    return vkeys


def _outdated(vkeys: list[str]) -> list[str]:
    """Those that a later one of the same kind is to replace."""
    newest = {LogKey.parse(vkey).kind: vkey for vkey in vkeys}
    return [vkey for vkey in vkeys if vkey not in newest.values()]
