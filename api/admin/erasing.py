"""Erasing what an organisation no longer wants to know, or may not. Every leaf stays in the log, and leads nowhere."""

from typing import Annotated

from typer import Argument

from activities.approvals import ApprovalWorkflows
from activities.erasing import erase_confirmation
from api.admin.names import require_person
from api.admin.office import BY, Answer, command, desk_of, opened, say
from api.admin.people import Organisation
from api.admin.revoking import revoke_entirely
from cosignet.core.encoding import instant
from cosignet.errors import CosignetError
from settings import connect_temporal
from store import erasure
from store.database import Database
from store.organisations import find_organisation


@command("erase-confirmation")
async def erase(
    confirmations: Annotated[
        list[str], Argument(metavar="CONFIRMATION", help="Ids of confirmations that have ended.", show_default=False)
    ],
) -> Answer:
    """Erase what confirmations were about, their votes and evidence; approvals can no longer be used or proven."""
    erased, refused = {}, {}
    async with opened() as deployment:
        workflows = ApprovalWorkflows(await connect_temporal(), search_attributes=False)
        for confirmation in dict.fromkeys(confirmations):
            try:
                erased[confirmation] = instant(await erase_confirmation(deployment, workflows, confirmation, by=BY))
            except CosignetError as error:
                refused[confirmation] = error.code
                say(f"{confirmation}: {error}")
        if erased:
            await _overwrite(deployment.database)
    return {"ok": not refused, "erased": erased, "refused": refused}


@command("erase-person")
async def erase_somebody(
    organisation: Organisation,
    person: Annotated[str, Argument(metavar="EMAIL", help="Address or id of the person.", show_default=False)],
) -> Answer:
    """Erase a person's name and address, and take away their right to vote; what they signed then names an id."""
    async with opened() as deployment:
        async with desk_of(deployment) as desk:
            tenant = await find_organisation(desk.tx, organisation)
            found = await require_person(desk.tx, tenant.id, person)
            if found.revoked_at is None:
                await revoke_entirely(desk, found)
            signed = await erasure.erase_person(desk.tx, found)
            await desk.note_change(tenant.id, "person.erased", person=found.id)
        await _overwrite(deployment.database)
    if signed:
        say("What they signed stays, with the reasons that they gave. `erase-confirmation` erases those, too.")
    return {"person": found.id, "erased_at": instant(desk.at), "signed": signed}


async def _overwrite(database: Database) -> None:
    if not await database.scrub():
        say("The database may keep what was deleted on its disk for a while: docs/operations.md, “Erasure”.")
