"""What an organisation requires of its confirmations: named policies, and floors that no request may undercut."""

from pathlib import Path
from typing import Annotated, Any

from sqlalchemy.ext.asyncio import AsyncConnection
from typer import Argument, Option

from api.admin.names import check_name
from api.admin.office import Answer, at_desk, command, say
from api.admin.people import Organisation
from cosignet.core.canonical import parse
from cosignet.core.encoding import b64u
from cosignet.core.policy import MAX_PEOPLE, Fallback, Policy
from cosignet.core.terms import MAX_ACTION
from cosignet.errors import Malformed
from store.organisations import FloorRow, enrolled, find_organisation, find_person, get_people, set_floor, set_policy

_DEFAULTS: dict[str, Any] = {
    "threshold": 1,
    "veto": False,
    "exclude": [],
    "fallback": [],
    "delegates": {},
    "device_bound_only": False,
}


@command("set-policy", indent=2)
async def set_named_policy(
    organisation: Organisation,
    name: Annotated[str, Argument(metavar="NAME", help="Name of the policy, as requests give it.", show_default=False)],
    file: Annotated[
        Path, Argument(metavar="FILE", help="JSON file of the policy, people by address or id.", show_default=False)
    ],
) -> Answer:
    """Keep a policy under a name; requests that are open already keep the one they were made with."""
    name, wanted = check_name("the name", name), _read(file)
    async with at_desk() as desk:
        tenant = await find_organisation(desk.tx, organisation)
        policy = await _resolve(desk.tx, tenant.id, wanted)
        await set_policy(desk.tx, tenant.id, name, policy.to_bytes(), at=desk.at)
        await desk.note_change(tenant.id, "policy.set", name=name, policy=b64u(policy.hash))
        await _warn_of_unenrolled(desk.tx, policy.seats)
    return {"policy": name, "hash": b64u(policy.hash), "document": parse(policy.to_bytes())}


@command("set-floor")
async def set_lowest(
    organisation: Organisation,
    threshold: Annotated[
        int, Option(metavar="N", min=1, max=MAX_PEOPLE, help="Approvals that are needed.", show_default=False)
    ],
    action: Annotated[str, Option(metavar="TEXT", help="The action label it is for; by default all.")] = "",
    approver: Annotated[
        list[str] | None,
        Option(metavar="EMAIL", help="Nobody but these may approve; once for each person.", show_default=False),
    ] = None,
) -> Answer:
    """Set what every request must ask for at least; a later floor for the same action replaces it."""
    if len(action) > MAX_ACTION or not action.isprintable():
        raise Malformed("floor.action", f"an action label has at most {MAX_ACTION} printable characters")
    async with at_desk() as desk:
        tenant = await find_organisation(desk.tx, organisation)
        people = [await _find(desk.tx, tenant.id, named) for named in approver or ()]
        if people and threshold > len(set(people)):
            raise Malformed("floor.unreachable", f"threshold {threshold} with {len(set(people))} people")
        await set_floor(desk.tx, tenant.id, FloorRow(action, threshold, frozenset(people)), at=desk.at)
        floor = {"action": action, "threshold": threshold, "approvers": sorted(set(people))}
        await desk.note_change(tenant.id, "floor.set", **floor)
        await _warn_of_unenrolled(desk.tx, frozenset(people))
        return floor


def _read(file: Path) -> dict[str, Any]:
    try:
        value = parse(file.read_bytes())
    except OSError as error:
        raise Malformed("policy.file", f"{file}: {error.strerror}") from error
    except Malformed as error:
        raise Malformed("policy.form", error.detail) from error
    if not isinstance(value, dict) or "approvers" not in value:
        raise Malformed("policy.form", "a policy is a JSON object with at least the member approvers")
    unknown = sorted(set(value) - {"approvers", *_DEFAULTS})
    if unknown:
        raise Malformed("policy.form", f"unknown members: {', '.join(unknown)}")
    return {**_DEFAULTS, **value}


async def _resolve(tx: AsyncConnection, organisation: str, wanted: dict[str, Any]) -> Policy:
    """The policy by person ids, checked by the core. Raises `Malformed("policy.…")`."""

    async def people(named: Any) -> tuple[str, ...]:
        if not isinstance(named, list):
            raise Malformed("policy.form", f"expected a list of people, not {named!r}")
        return tuple([await _find(tx, organisation, one) for one in named])

    seats = {"approvers": await people(wanted["approvers"]), "exclude": await people(wanted["exclude"])}
    fallback = tuple([Fallback(after, await people(named)) for after, named in _stages(wanted["fallback"])])
    holders = {*seats["approvers"], *(one for stage in fallback for one in stage.approvers)} - {*seats["exclude"]}
    delegates: dict[str, tuple[str, ...]] = {}
    for named, stand_ins in _pairs(wanted["delegates"]):
        seat = await _find(tx, organisation, named)
        delegates[seat] = delegates.get(seat, ()) + await people(stand_ins)
        await _require_no_seat(tx, holders.intersection(delegates[seat]))
    return Policy(
        **seats,
        fallback=fallback,
        delegates=delegates,
        threshold=wanted["threshold"],
        veto=wanted["veto"],
        device_bound_only=wanted["device_bound_only"],
    )


def _stages(value: Any) -> list[tuple[Any, Any]]:
    stages: list[Any] = value if isinstance(value, list) else [value]
    if any(not isinstance(stage, dict) or set(stage) != {"after", "approvers"} for stage in stages):
        raise Malformed("policy.form", 'fallback is a list of {"after": seconds, "approvers": […]}')
    return [(stage["after"], stage["approvers"]) for stage in stages]


def _pairs(value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise Malformed("policy.form", "delegates is an object: who is away, and a list of those who stand in")
    return list(value.items())


async def _find(tx: AsyncConnection, organisation: str, named: Any) -> str:
    person = await find_person(tx, organisation, named) if isinstance(named, str) else None
    if person is None or person.revoked_at is not None:
        raise Malformed("policy.unknown_approver", f"nobody active in this organisation is called {named!r}")
    return person.id


async def _require_no_seat(tx: AsyncConnection, both: set[str]) -> None:
    if both:
        detail = (
            "stands in for somebody and holds a seat too; a delegate holds none, so take them out of one of the two"
        )
        raise Malformed("policy.delegates", f"{await _names(tx, both)} {detail}")


async def _warn_of_unenrolled(tx: AsyncConnection, people: frozenset[str]) -> None:
    missing = people - await enrolled(tx, people)
    if missing:
        say(f"Requests are refused until these have a passkey: {await _names(tx, missing)}.")


async def _names(tx: AsyncConnection, people: set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(person.email for person in await get_people(tx, people)))
