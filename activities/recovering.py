"""A log whose database fell behind what was signed: brought forward from a copy, or continued under another name.

Both are for an operator whose worker stands still, and hold the mark meanwhile.
"""

from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.appending import read_edge, require_founded
from activities.deployment import Deployment
from activities.key_file import KeyFile, new_keys
from activities.mark import MarkFile
from cosignet.core.checkpoint import Checkpoint
from cosignet.core.decision import Status
from cosignet.core.leaf import CONSUMED, GENESIS, OUTCOMES, Leaf, public_head, public_keys
from cosignet.core.log_keys import LogKey, open_checkpoint
from cosignet.core.merkle import leaf_hash
from cosignet.core.note import is_key_name
from cosignet.core.tiles import WIDTH, Address, grow, read_entries, root_of
from cosignet.errors import Conflict, Malformed, NotFound
from store.confirmations import consume_as_logged, end_as_logged
from store.events import INSTALLATION, add_event
from store.heads import active_keys, add_keys, retire_keys
from store.log import Growth, append_leaves, get_tree, rename_tree, set_read_only
from store.rows import Tree


async def restore_log(deployment: Deployment, mark: MarkFile, mirror: Path) -> Checkpoint:
    """Append what the database lacks from a copy that `cosignet fsck --mirror` made, up to its checkpoint.

    Leaves alone come back: the records that they commit to are as lost as before. What they say has ended or was used
    is so from now on, and nothing of it can be proven, nor used. Raises `NotFound("log.mirror")` for
    a copy with a part missing, `Conflict("log.mirror")` for one that ends before the mark or is of another tree,
    `VerificationFailed("log.signature")`, `Unavailable`.
    """
    with mark.held():
        async with deployment.database.write() as tx:
            tree = require_founded(await get_tree(tx, lock=True))
            keys = [LogKey.parse(vkey) for vkey in await active_keys(tx)]
            head, _ = open_checkpoint(_read(mirror / "checkpoint"), keys)
            signed = mark.read()
            if head.origin != tree.origin or signed is None or signed.origin != tree.origin:
                raise Conflict("log.mirror", "copy, mark and database are not those of one log")
            if head.size < signed.size:
                raise Conflict("log.mirror", f"the copy ends at {head.size} leaves, and {signed.size} were signed")
            await _append(tx, tree, head, signed, mirror)
            await set_read_only(tx, "")
    return head


async def continue_log(deployment: Deployment, mark: MarkFile, file: KeyFile, origin: str) -> list[str]:
    """Go on with the tree as it is under another name and with new keys; the verifier keys from now on.

    The first leaf of the new name says which head of the old one was signed last. Raises `Malformed("log.origin")`,
    `Conflict("log.origin")` for the name that it has, `Unavailable`.
    """
    if not is_key_name(origin):
        raise Malformed("log.origin", "a log's name is not empty, and has no space and no + in it")
    with mark.held():
        async with deployment.database.write() as tx:
            tree = require_founded(await get_tree(tx, lock=True))
            if tree.origin == origin:
                raise Conflict("log.origin", "this is the log's name already; a new tree needs another one")
            last = mark.read() or Checkpoint(tree.origin, *tree.head)
            at, fresh = await deployment.database.clock(tx), new_keys(origin)
            public = [key.public for key in fresh]
            await retire_keys(tx, await active_keys(tx), at=at)
            await add_keys(tx, [key.to_text() for key in public], at=at)
            await rename_tree(tx, origin)
            genesis = {"origin": origin, "keys": public_keys(public), "previous": public_head(last)}
            await add_event(tx, INSTALLATION, GENESIS, genesis, at=at)
        file.write(fresh)
        mark.advance(Checkpoint(origin, *tree.head))
    return [key.to_text() for key in public]


async def _append(tx: AsyncConnection, tree: Tree, head: Checkpoint, signed: Checkpoint, mirror: Path) -> None:
    leaves = _leaves(mirror, head.size)
    if _root(leaves[: tree.size]) != tree.root or _root(leaves[: signed.size]) != signed.root:
        raise Conflict("log.mirror", "the copy is not of what was signed, or of this database")
    if _root(leaves) != head.root:
        raise Conflict("log.mirror", "the leaves of the copy do not make the root of its checkpoint")
    edge = await read_edge(tx, tree)
    new = leaves[tree.size :]
    tiles = grow(tree.size, [leaf_hash(leaf) for leaf in new], edge)
    parsed = [Leaf.parse(leaf) for leaf in new]
    events = [(leaf.id, raw) for leaf, raw in zip(parsed, new, strict=True)]
    await append_leaves(tx, tree.size, events, Growth(head.size, head.root, tiles), edge.keys())
    for leaf in parsed:
        await _follow(tx, leaf)


async def _follow(tx: AsyncConnection, leaf: Leaf) -> None:
    """What the log says has ended or was used must not end in another way, or be used again, for lack of a record."""
    if leaf.event in OUTCOMES:
        status = Status(leaf.event.partition(".")[2])
        await end_as_logged(tx, leaf.public["request"], status, event=leaf.id, at=leaf.time)
    elif leaf.event == CONSUMED:
        await consume_as_logged(tx, leaf.public["request"], f"log:{leaf.id}", at=leaf.time)


def _leaves(mirror: Path, size: int) -> list[bytes]:
    leaves: list[bytes] = []
    while len(leaves) < size:
        address = Address(None, len(leaves) // WIDTH, min(WIDTH, size - len(leaves)))
        found = read_entries(_read(mirror / address.path))
        if len(found) != address.width:
            raise Conflict("log.mirror", f"{address.path} of the copy is not whole")
        leaves += found
    return leaves


def _root(leaves: list[bytes]) -> bytes:
    tiles = grow(0, [leaf_hash(leaf) for leaf in leaves], {})
    return root_of(len(leaves), tiles)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound("log.mirror", f"the copy has no {path}") from error
