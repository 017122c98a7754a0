"""Who calls: an API key, the holder of a personal link, or the holder of an invite. None of them can be another."""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials
from fastapi.security.http import HTTPBase

from activities.viewing import find_viewer
from api.limits import network_of
from api.service import Use
from cosignet.errors import NotFound, Unauthenticated
from store.api_keys import find_api_key
from store.confirmations import get_confirmation
from store.credentials import find_invite
from store.rows import ApiKey, Person

_ID = re.compile(r"[0-9a-f]{32}")

_bearer = HTTPBase(scheme="bearer", scheme_name="ApiKey", description="An API key.", auto_error=False)
_header = APIKeyHeader(name="X-Api-Key", scheme_name="ApiKeyHeader", description="An API key.", auto_error=False)
_link = HTTPBase(
    scheme="link",
    scheme_name="Link",
    description="The token of a personal link, from its fragment. It views one confirmation, for one person.",
    auto_error=False,
)
_invite = HTTPBase(
    scheme="invite", scheme_name="Invite", description="The token of an invite, from its fragment.", auto_error=False
)

_Authorization = HTTPAuthorizationCredentials | None


async def limit_address(request: Request, service: Use) -> None:
    """Count the call for the address that it comes from. Raises `TooMany("rate.limited")`."""
    service.limits.addresses.take(network_of(request.client.host if request.client else ""))


async def _key_of(
    service: Use, bearer: Annotated[_Authorization, Security(_bearer)], header: Annotated[str | None, Security(_header)]
) -> ApiKey:
    given = {text for text in (_token(bearer, "bearer"), header) if text}
    if len(given) != 1:
        raise Unauthenticated("key.missing", "give one API key, as Authorization: Bearer or as X-Api-Key")
    async with service.deployment.database.read() as tx:
        key = await find_api_key(tx, given.pop())
    if key is None:
        raise Unauthenticated("key.invalid", "this API key is unknown or revoked")
    service.limits.keys.take(key.id)
    return key


Key = Annotated[ApiKey, Depends(_key_of)]


async def _own_confirmation(service: Use, key: Key, confirmation: str) -> str:
    """The id in the path, if it is of a confirmation that this key may know of."""
    if _ID.fullmatch(confirmation):
        async with service.deployment.database.read() as tx:
            row = await get_confirmation(tx, confirmation)
        if row is not None and (row.organisation_id, row.owner) == (key.organisation_id, key.owner):
            return confirmation
    raise NotFound("confirmation.unknown", "there is no such confirmation")


OwnConfirmation = Annotated[str, Depends(_own_confirmation)]


async def _any_confirmation(confirmation: str) -> str:
    """The id in the path; empty, which no confirmation's is, when none can have it."""
    return confirmation if _ID.fullmatch(confirmation) else ""


AnyConfirmation = Annotated[str, Depends(_any_confirmation)]


@dataclass(frozen=True)
class Viewer:
    """A person who follows their personal link to one confirmation."""

    confirmation: str
    person: Person


async def _viewer_of(service: Use, confirmation: str, link: Annotated[_Authorization, Security(_link)]) -> Viewer:
    token = _token(link, "link")
    if token is None:
        raise Unauthenticated("link.missing", "give the personal link's token, as Authorization: Link")
    known = _ID.fullmatch(confirmation)
    person = await find_viewer(service.deployment, confirmation, token) if known else None
    if person is None:
        raise Unauthenticated("link.invalid", "this personal link is not valid for this confirmation")
    return Viewer(confirmation, person)


WithLink = Annotated[Viewer, Depends(_viewer_of)]


async def _invite_of(service: Use, invite: Annotated[_Authorization, Security(_invite)]) -> str:
    """The secret of an invite that is open now; the transaction that uses it checks once more."""
    token = _token(invite, "invite")
    if token is None:
        raise Unauthenticated("invite.missing", "give the invite's token, as Authorization: Invite")
    async with service.deployment.database.read() as tx:
        await find_invite(tx, token, at=await service.deployment.database.clock(tx))
    return token


WithInvite = Annotated[str, Depends(_invite_of)]


def _token(given: _Authorization, scheme: str) -> str | None:
    return given.credentials if given is not None and given.scheme.lower() == scheme else None
