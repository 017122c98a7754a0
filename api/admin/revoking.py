"""Taking passkeys and people out of use, for good."""

from typing import Annotated

from typer import Argument

from api.admin.names import require_person
from api.admin.office import BY, Answer, Desk, at_desk, command
from api.admin.people import Organisation
from cosignet.core.encoding import b64u, from_b64u, instant
from cosignet.core.leaf import REVOKED
from cosignet.errors import Conflict, NotFound
from store.credentials import get_credential, list_credentials, note_revocation, revoke_credential
from store.events import add_event
from store.organisations import find_organisation, revoke_person
from store.rows import CredentialRow, Person


@command("revoke-credential", dashes=True)
async def revoke_passkey(
    credential_id: Annotated[
        str, Argument(metavar="CREDENTIAL_ID", help="Id of the passkey, as `list-people` shows it.", show_default=False)
    ],
) -> Answer:
    """Take one passkey out of use: it votes no more, and no approval that it signed can be consumed any more."""
    async with at_desk() as desk:
        passkey = await get_credential(desk.tx, from_b64u(credential_id))
        if passkey is None:
            raise NotFound("credential.unknown", "no passkey has this id")
        if not await revoke_credential(desk.tx, passkey.id, at=desk.at):
            raise Conflict("credential.revoked", "this passkey is revoked already")
        await _note_revocation(desk, passkey)
        return {"credential": b64u(passkey.id), "person": passkey.person_id, "revoked_at": instant(desk.at)}


@command("revoke-person")
async def revoke_somebody(
    organisation: Organisation,
    person: Annotated[str, Argument(metavar="EMAIL", help="Address or id of the person.", show_default=False)],
) -> Answer:
    """Take away a person's right to vote, with all of their passkeys and open invites."""
    async with at_desk() as desk:
        tenant = await find_organisation(desk.tx, organisation)
        found = await require_person(desk.tx, tenant.id, person)
        if found.revoked_at is not None:
            raise Conflict("person.revoked", f"{found.email} is revoked already")
        passkeys = await revoke_entirely(desk, found)
        return {"person": found.id, "credentials": passkeys, "revoked_at": instant(desk.at)}


async def revoke_entirely(desk: Desk, person: Person) -> list[str]:
    """Take an active person out of use with all of their passkeys; the ids of those that were active."""
    await revoke_person(desk.tx, person.id, at=desk.at)
    active = [
        passkey
        for passkey in await list_credentials(desk.tx, person.organisation_id)
        if passkey.person_id == person.id and await revoke_credential(desk.tx, passkey.id, at=desk.at)
    ]
    for passkey in active:
        await _note_revocation(desk, passkey)
    await desk.note_change(person.organisation_id, "person.revoked", person=person.id)
    return [b64u(passkey.id) for passkey in active]


async def _note_revocation(desk: Desk, passkey: CredentialRow) -> None:
    record = {
        "person": passkey.person_id,
        "credential": b64u(passkey.id),
        "enrolled": passkey.enrolled_event or "",
        "by": BY,
    }
    event = await add_event(desk.tx, passkey.organisation_id, REVOKED, record, at=desk.at)
    await note_revocation(desk.tx, passkey.id, event)
