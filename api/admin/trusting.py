"""The first trust file of a relying party."""

import json
from typing import Annotated

from typer import Option

from activities.matters import credential_of
from api.admin.office import Answer, command, opened, say
from api.admin.people import Organisation
from cosignet.core.encoding import b64u, instant
from cosignet.core.trust import Approver, Floor, Trust
from cosignet.errors import NotFound
from store.credentials import active_credentials
from store.installation import claim_rp_id
from store.organisations import find_organisation, list_people
from store.rows import CredentialRow, Person

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
        async with deployment.database.read() as tx:
            tenant = await find_organisation(tx, organisation)
            people = await list_people(tx, tenant.id)
            passkeys = await active_credentials(tx, [person.id for person in people])
    keys = {person: [key for key in passkeys if key.person_id == person.id] for person in people}
    approvers = [Approver(p.id, p.name, tuple(map(credential_of, found))) for p, found in keys.items() if found]
    if not approvers:
        raise NotFound("trust.nobody", "nobody in this organisation has a passkey yet; send somebody an `invite`")
    written = Trust(tenant.id, deployment.rp, tuple(approvers), Floor(threshold, frozenset())).to_bytes()
    # Read back, so that a file that no relying party would accept is never handed out.
    Trust.parse(written)
    _describe(keys)
    answer: Answer = json.loads(written)
    return answer


def _describe(keys: dict[Person, list[CredentialRow]]) -> None:
    say(_READ_FIRST)
    for person, found in keys.items():
        say(f"  {person.name} <{person.email}>, {person.role}" + ("" if found else ": no passkey, not in the file"))
        for key in found:
            kind = "synced" if key.backup_eligible else "device-bound"
            say(f"    {b64u(key.id)} {kind}, enrolled {instant(key.created_at)}")
