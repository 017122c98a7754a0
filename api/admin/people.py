"""Organisations, their people, and the API keys of their agents."""

from enum import StrEnum
from typing import Annotated

from typer import Argument, Option

from api.admin.names import check_email, check_name
from api.admin.office import Answer, Desk, at_desk, command, opened, say
from cosignet.core.encoding import b64u, instant
from cosignet.errors import Conflict, NotFound
from store.api_keys import create_api_key, revoke_api_key
from store.credentials import INVITE_LIFETIME, create_invite, list_credentials
from store.installation import claim_rp_id
from store.organisations import (
    add_person,
    create_organisation,
    find_organisation,
    find_person,
    list_organisations,
    list_people,
)
from store.rows import CredentialRow, Person


class Role(StrEnum):
    """What a person is to their organisation."""

    APPROVER = "approver"
    ADMIN = "admin"
    OWNER = "owner"


Organisation = Annotated[
    str, Argument(metavar="ORGANISATION", help="Id of the organisation, or its name.", show_default=False)
]


@command("create-organisation")
async def create(
    name: Annotated[str, Argument(metavar="NAME", help="Name of the organisation.", show_default=False)],
    owner_email: Annotated[str, Option(metavar="EMAIL", help="Address of its first owner.", show_default=False)],
    owner_name: Annotated[str, Option(metavar="NAME", help="Name of its first owner; by default the address.")] = "",
) -> Answer:
    """Create an organisation, an API key that may only request, and its first owner's invite."""
    name, email = check_name("the name", name), check_email(owner_email)
    async with at_desk() as desk:
        if any(known.name == name for known in await list_organisations(desk.tx)):
            raise Conflict("organisation.exists", f"there is an organisation called {name!r} already")
        organisation = await create_organisation(desk.tx, name, at=desk.at)
        await desk.note_change(organisation.id, "organisation.created")
        owner = await _add(desk, organisation.id, email, owner_name, Role.OWNER)
        key = await _create_key(desk, organisation.id, "first key", None)
        return {
            "organisation": organisation.id,
            "api_key": key["api_key"],
            "register_url": await _register_url(desk, owner),
        }


@command("invite")
async def invite(
    organisation: Organisation,
    email: Annotated[str, Argument(metavar="EMAIL", help="Address of the person.", show_default=False)],
    name: Annotated[str, Option(metavar="NAME", help="Name of a new person; by default the address.")] = "",
    role: Annotated[
        Role | None,
        Option(metavar="ROLE", help="approver (for a new person the default), admin or owner.", show_default=False),
    ] = None,
) -> Answer:
    """Invite somebody new, or somebody known to enrol a further passkey."""
    email = check_email(email)
    async with at_desk() as desk:
        tenant = await find_organisation(desk.tx, organisation)
        known = await find_person(desk.tx, tenant.id, email)
        if known is None:
            person = await _add(desk, tenant.id, email, name, role or Role.APPROVER)
        else:
            person = _require_same(known, name.strip(), role)
            await desk.note_change(tenant.id, "person.invited", person=person.id)
        return {
            "person": person.id,
            "register_url": await _register_url(desk, person),
            "expires_at": instant(desk.at + INVITE_LIFETIME),
        }


@command("create-key")
async def create_key(
    organisation: Organisation,
    name: Annotated[str, Argument(metavar="NAME", help="What the key is for.", show_default=False)],
    temporal: Annotated[
        str,
        Option(metavar="NAMESPACE", help="For workers: reads and consumes what this namespace's workflows asked for."),
    ] = "",
) -> Answer:
    """Create an API key, which is shown this once."""
    owner = f"temporal:{check_name('the namespace', temporal)}" if temporal else None
    async with at_desk() as desk:
        tenant = await find_organisation(desk.tx, organisation)
        return await _create_key(desk, tenant.id, check_name("the name", name), owner)


@command("revoke-key")
async def revoke_key(
    organisation: Organisation,
    prefix: Annotated[
        str, Argument(metavar="PREFIX", help="How the key begins, as `create-key` showed it.", show_default=False)
    ],
) -> Answer:
    """Take an API key out of use."""
    async with at_desk() as desk:
        tenant = await find_organisation(desk.tx, organisation)
        if not await revoke_api_key(desk.tx, tenant.id, prefix, at=desk.at):
            raise NotFound("key.unknown", f"this organisation has no active key that begins with {prefix!r}")
        await desk.note_change(tenant.id, "key.revoked", prefix=prefix)
        return {"prefix": prefix, "revoked_at": instant(desk.at)}


@command("list-people", indent=2)
async def list_everybody(organisation: Organisation) -> Answer:
    """List everybody with their passkeys, revoked ones too."""
    async with opened() as deployment, deployment.database.read() as tx:
        tenant = await find_organisation(tx, organisation)
        people = await list_people(tx, tenant.id, with_revoked=True)
        passkeys = await list_credentials(tx, tenant.id)
    return {"organisation": tenant.id, "people": [describe(person, passkeys) for person in people]}


def describe(person: Person, passkeys: list[CredentialRow]) -> Answer:
    """A person and their passkeys, as commands print them."""
    return {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "role": person.role,
        "created_at": instant(person.created_at),
        "revoked_at": instant(person.revoked_at) if person.revoked_at else None,
        "passkeys": [_describe_passkey(passkey) for passkey in passkeys if passkey.person_id == person.id],
    }


def _describe_passkey(passkey: CredentialRow) -> Answer:
    return {
        "id": b64u(passkey.id),
        "synced": passkey.backup_eligible,
        "created_at": instant(passkey.created_at),
        "flagged_at": instant(passkey.flagged_at) if passkey.flagged_at else None,
        "revoked_at": instant(passkey.revoked_at) if passkey.revoked_at else None,
    }


async def _add(desk: Desk, organisation: str, email: str, name: str, role: Role) -> Person:
    shown = check_name("a person's name", name or email)
    person = await add_person(desk.tx, organisation, email=email, name=shown, role=role.value, at=desk.at)
    await desk.note_change(organisation, "person.added", person=person.id, role=role.value)
    return person


def _require_same(known: Person, name: str, role: Role | None) -> Person:
    if known.revoked_at is not None:
        raise Conflict("person.revoked", f"{known.email} was revoked, for good; invite them under another address")
    if (role and role.value != known.role) or (name and name != known.name):
        detail = f"{known.email} is known as {known.name!r}, {known.role}; an invite does not change that"
        raise Conflict("person.exists", detail)
    return known


async def _create_key(desk: Desk, organisation: str, name: str, owner: str | None) -> Answer:
    key, text = await create_api_key(desk.tx, organisation, name=name, owner=owner, at=desk.at)
    await desk.note_change(organisation, "key.created", prefix=key.prefix, owner=key.owner)
    return {"api_key": text, "prefix": key.prefix, "owner": key.owner}


async def _register_url(desk: Desk, person: Person) -> str:
    # The link leads to the page whose address these settings give: it must be the one that passkeys are bound to.
    await claim_rp_id(desk.tx, desk.deployment.rp.id)
    token = await create_invite(desk.tx, person.id, at=desk.at)
    say(f"Send the link to {person.email} over a channel you trust: whoever opens it first enrols their passkey.")
    return f"{desk.deployment.public_url}/register#{token}"
