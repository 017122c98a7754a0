"""The public log over HTTP: C2SP's paths and forms, nothing beyond the newest signed head, plain refusals."""

import asyncio
import gzip
import json

import pytest

from api.public_log import IMMUTABLE, MOVING
from cosignet.core.checkpoint import Checkpoint
from cosignet.core.encoding import b64u, from_b64u
from cosignet.core.leaf import Leaf
from cosignet.core.log_keys import LogKey, open_checkpoint
from cosignet.core.log_proof import LogProof
from cosignet.core.merkle import leaf_hash, verify_consistency, verify_inclusion
from cosignet.core.tiles import Address, read_entries
from store.confirmations import get_confirmation
from tests.api.world import code_of

LOG = "/public/log"


async def get(world, path, **options):
    return await world.http.get(LOG + path, **options)


async def keys(world):
    return [LogKey.parse(line) for line in (await get(world, "/key")).text.splitlines()]


async def head(world) -> Checkpoint:
    return open_checkpoint((await get(world, "/checkpoint")).content, await keys(world))[0]


async def leaves(world, size):
    """Every entry of the tree of this size, from its bundles."""
    found = []
    for number in range(0, size, 256):
        address = Address(None, number // 256, min(256, size - number))
        response = await get(world, f"/{address.path}")
        assert response.status_code == 200
        found += read_entries(response.content)
    return found


async def request_event(world, confirmation):
    async with world.acme.database.read() as tx:
        return (await get_confirmation(tx, confirmation)).request_event


async def proven(world, event):
    async with asyncio.timeout(10):
        while (response := await get(world, f"/entries/{event}/proof")).status_code == 202:
            assert response.headers["retry-after"] == "1"
            await asyncio.sleep(0.02)
    assert response.status_code == 200
    return LogProof.parse(response.content)


async def test_the_checkpoint_is_signed_by_the_published_keys(world):
    response = await get(world, "/checkpoint")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    checkpoint, signed = open_checkpoint(response.content, await keys(world))
    assert set(signed) == set(await keys(world))
    assert {key.name for key in signed} == {checkpoint.origin} == {"localhost:8420/public/log"}


async def test_the_policy_names_the_same_keys(world):
    vkeys = (await get(world, "/key")).text.splitlines()
    lines = (await get(world, "/policy")).text.splitlines()
    assert lines == [*(f"log {vkey} http://localhost:8420/public/log" for vkey in vkeys), "quorum none"]


async def test_leaves_tiles_and_checkpoint_agree(world):
    await world.approved()
    found = await head(world)
    entries = await leaves(world, found.size)
    width = found.size % 256 or 256
    tile = (await get(world, f"/{Address(0, (found.size - 1) // 256, width).path}")).content
    assert tile == b"".join(leaf_hash(leaf) for leaf in entries[-width:])
    for leaf in entries:
        Leaf.parse(leaf)


async def test_what_has_an_address_may_be_kept_for_ever_and_what_moves_may_not(world):
    size = (await head(world)).size
    tile = await get(world, f"/{Address(0, 0, min(size, 256)).path}")
    bundle = await get(world, f"/{Address(None, 0, min(size, 256)).path}")
    assert [tile.headers["cache-control"], bundle.headers["cache-control"]] == [IMMUTABLE, IMMUTABLE]
    kept = (await get(world, "/heads")).json()["heads"][-1]["size"]
    for path in ("/checkpoint", "/key", "/policy", "/heads", f"/heads/{kept}", "/unanswered"):
        assert (await get(world, path)).headers["cache-control"] == MOVING, path
    fixed = await get(world, "/proofs/inclusion", params={"leaf_index": 0, "tree_size": 2})
    moving = await get(world, "/proofs/inclusion", params={"leaf_index": 0})
    assert [fixed.headers["cache-control"], moving.headers["cache-control"]] == [IMMUTABLE, MOVING]


async def test_bundles_are_compressed_for_whoever_takes_that(world):
    size = min((await head(world)).size, 256)
    path = f"/{Address(None, 0, size).path}"
    plain = await get(world, path, headers={"Accept-Encoding": "identity"})
    packed = await get(world, path, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert len(gzip.compress(plain.content, mtime=0)) < len(plain.content)


@pytest.mark.parametrize("path", ["/checkpoint", "/tile/0/999", "/proofs/inclusion?leaf_index=-1", "/nothing"])
async def test_pages_of_everybody_may_read_it(world, path):
    response = await get(world, path, headers={"Origin": "https://auditor.example", "Sec-Fetch-Site": "cross-site"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "set-cookie" not in response.headers


async def test_every_step_of_a_confirmation_is_a_leaf_that_proves_itself(world):
    asked = await world.approved()
    consumed = await world.post(f"/{asked['id']}/consume", {"payload_hash": asked["payload_hash"], "consumer": "w"})
    assert consumed.status_code == 200
    request, mine = await request_event(world, asked["id"]), []
    async with asyncio.timeout(10):
        while len(mine) < 4:
            found = await head(world)
            entries = [Leaf.parse(leaf) for leaf in await leaves(world, found.size)]
            mine = [leaf for leaf in entries if request in (leaf.id, leaf.public.get("request"))]
    assert [leaf.event.removeprefix("confirmation.") for leaf in mine] == ["requested", "voted", "approved", "consumed"]
    for leaf in mine:
        proof = await proven(world, leaf.id)
        proof.verify(leaf.to_bytes(), found.origin, frozenset(await keys(world)))
        assert entries[proof.index] == leaf


async def test_the_context_that_is_signed_names_a_head_that_covers_the_request(world):
    asked = await world.asked()
    issued = await (await world.approver(asked["id"])).begin()
    context = json.loads(from_b64u(issued["context"]))
    size, root = context["head"].split(" ")
    assert (await proven(world, await request_event(world, asked["id"]))).index < int(size)
    # It may have been passed by larger ones, which begin with it.
    newest = await head(world)
    proof = (await get(world, "/proofs/consistency", params={"first": size, "second": newest.size})).json()
    hashes = [from_b64u(text) for text in proof["hashes"]]
    verify_consistency(int(size), newest.size, hashes, from_b64u(root), newest.root)


async def test_inclusion_is_proven_to_any_signed_size(world):
    await world.asked()
    found = await head(world)
    entries = await leaves(world, found.size)
    for index in (0, 1, found.size // 2, found.size - 1):
        answer = (await get(world, "/proofs/inclusion", params={"leaf_index": index, "tree_size": found.size})).json()
        hashes = [from_b64u(text) for text in answer["hashes"]]
        assert (answer["leaf_index"], answer["tree_size"]) == (index, found.size)
        assert from_b64u(answer["root"]) == found.root
        verify_inclusion(leaf_hash(entries[index]), index, found.size, hashes, found.root)


async def test_consistency_is_proven_from_any_signed_size(world):
    old = await head(world)
    await proven(world, await request_event(world, (await world.asked())["id"]))
    new = await head(world)
    assert new.size > old.size
    for first, second in ((old.size, new.size), (2, new.size), (new.size, new.size), (0, new.size)):
        answer = (await get(world, "/proofs/consistency", params={"first": first, "second": second})).json()
        hashes = [from_b64u(text) for text in answer["hashes"]]
        assert from_b64u(answer["root"]) == new.root
        if first == old.size:
            verify_consistency(first, second, hashes, old.root, new.root)
    latest = (await get(world, "/proofs/consistency", params={"first": old.size})).json()
    assert latest["second"] >= new.size


@pytest.mark.parametrize(
    "query",
    [
        "inclusion",
        "inclusion?leaf_index=",
        "inclusion?leaf_index=-1",
        "inclusion?leaf_index=%2B1",
        "inclusion?leaf_index=01",
        "inclusion?leaf_index=1.0",
        "inclusion?leaf_index=1e1",
        "inclusion?leaf_index=%D9%A1",
        "inclusion?leaf_index=0x1",
        "inclusion?leaf_index=1%00",
        "inclusion?leaf_index=99999999999999999999",
        "inclusion?leaf_index=9223372036854775808",
        "inclusion?leaf_index=9223372036854775807",
        "inclusion?leaf_index=2&tree_size=2",
        "inclusion?leaf_index=0&tree_size=0",
        "inclusion?leaf_index=0&tree_size=9223372036854775807",
        "inclusion?leaf_index=0&tree_size=-1",
        "consistency",
        "consistency?second=1",
        "consistency?first=2&second=1",
        "consistency?first=-1&second=1",
        "consistency?first=1&second=9223372036854775807",
        "consistency?first=1&second=null",
    ],
)
async def test_proofs_of_what_is_not_there_are_refused(world, query):
    response = await get(world, f"/proofs/{query}")
    assert response.status_code == 400
    assert response.json()["code"] in {
        "log.range",
        "request.leaf_index",
        "request.tree_size",
        "request.first",
        "request.second",
    }


@pytest.mark.parametrize(
    "path",
    [
        "0",
        "0/",
        "0/1",
        "00/000",
        "0/0",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/01",
        "0/000.p/-1",
        "64/000",
        "-1/000",
        "0/x000/000",
        "0/999",
        "0/x999/999",
        "0/x999/x999/x999/x999/x999/x999/999",
        "1/001",
        "63/000",
        "entries/999",
        "entries/0",
        "entries/000.p/0",
        "data/000",
        "0/000/000",
        "0//000",
        "0/000.p",
        "0/%30%30%30%00",
        "0/٠٠٠",
    ],
)
async def test_no_other_tile_is_there(world, path):
    assert code_of(await get(world, f"/tile/{path}")) == (404, "log.tile")


async def test_nothing_beyond_the_newest_signed_head_is_served(world):
    size = (await head(world)).size
    number, width = divmod(size, 256)
    for level, what in ((0, "0"), (None, "entries")):
        address = Address(level, number, width + 100 if width < 156 else 256)
        assert what in address.path
        assert (await get(world, f"/{address.path}")).status_code == 404


@pytest.mark.parametrize("size", ["1", "0", "-1", "02", "x", "9223372036854775807", "99999999999999999999"])
async def test_heads_that_were_not_signed_are_not_there(world, size):
    assert code_of(await get(world, f"/heads/{size}")) == (404, "log.head")


async def test_heads_are_listed_with_the_newest_first(world):
    await world.approved()
    listed = (await get(world, "/heads")).json()["heads"]
    assert [found["size"] for found in listed] == sorted((found["size"] for found in listed), reverse=True)
    for found in listed[1:4]:
        # The newest may be passed by another one meanwhile.
        note = (await get(world, f"/heads/{found['size']}")).content
        assert b64u(open_checkpoint(note, await keys(world))[0].root) == found["root"]


@pytest.mark.parametrize("event", ["0", "00000000-0000-0000-0000-000000000000", "x" * 36, "%00", "A" * 300])
async def test_events_that_are_unknown_have_no_proof(world, event):
    assert code_of(await get(world, f"/entries/{event}/proof")) == (404, "log.event")


async def test_a_request_that_was_due_without_an_outcome_is_shown(world):
    due, answered = await world.asked(expires_in=60), await world.approved(expires_in=60)
    event = await request_event(world, due["id"])
    await proven(world, event)

    async def shown():
        return [found["event"] for found in (await get(world, "/unanswered")).json()["requests"]]

    assert event not in await shown()
    world.later(minutes=4)
    assert event in await shown()
    assert await request_event(world, answered["id"]) not in await shown()
