"""The first trust file of a relying party."""

import json
from typing import Annotated

from typer import Option

from activities.trusting import KeysOf, propose_trust
from api.admin.office import Answer, command, opened, say
from api.admin.people import Organisation
from cosignet.core.encoding import b64u, instant
from store.installation import claim_rp_id
from store.organisations import find_organisation

_READ_FIRST = """\
Whoever writes this file decides whose approvals count. This one only repeats what the database says, so before you rely
on it, ask each of these people, face to face or over a channel you trust, whether these passkeys are all theirs:
"""


@command("trust", indent=2)
async def trust(
    organisation: Organisation,
    threshold: Annotated[int, Option(metavar="N", help="Approvals that the relying party asks for at least.")] = 1,
) -> Answer:
    """Print a trust file that pins every active passkey, to be read by a human before it is relied on."""
    async with opened() as deployment:
        async with deployment.database.write() as tx:
            await claim_rp_id(tx, deployment.rp.id)
            tenant = await find_organisation(tx, organisation)
        proposed, keys = await propose_trust(deployment, tenant.id, threshold=threshold)
    _describe(keys)
    answer: Answer = json.loads(proposed.to_bytes())
    return answer


def _describe(keys: KeysOf) -> None:
    say(_READ_FIRST)
    for person, found in keys.items():
        say(f"  {person.name} <{person.email}>, {person.role}" + ("" if found else ": no passkey, not in the file"))
        for key in found:
            kind = "synced" if key.backup_eligible else "device-bound"
            say(f"    {b64u(key.id)} {kind}, enrolled {instant(key.created_at)}")
