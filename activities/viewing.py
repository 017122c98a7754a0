"""What one approver is shown of one confirmation."""

from dataclasses import dataclass

from activities.ceremonies import find_seat, usable_credentials
from activities.closing import Standing, standing_of
from activities.deployment import Deployment
from activities.matters import matter_of
from activities.revealing import require_reachable
from cosignet.errors import NotFound, Refused
from store.confirmations import get_confirmation
from store.organisations import get_people, verify_email
from store.rows import Person, VoteRow
from store.votes import find_link


@dataclass(frozen=True)
class View:
    """The confirmation, everybody its policy names, the viewer's vote, and why the viewer cannot vote now, if so."""

    standing: Standing
    people: list[Person]
    vote: VoteRow | None
    obstacle: Refused | None


async def find_viewer(deployment: Deployment, confirmation: str, token: str) -> Person | None:
    """Whose personal link to this confirmation has this token, unless that person has been revoked.

    Whoever has a link that was sent to an address reads what is sent there: from then on it counts as verified.
    """
    async with deployment.database.read() as tx:
        link = await find_link(tx, confirmation, token)
        people = await get_people(tx, [link.person]) if link else []
    viewer = next((found for found in people if found.revoked_at is None), None)
    if link and viewer and link.delivered and viewer.email_verified_at is None:
        async with deployment.database.write() as tx:
            await verify_email(tx, viewer.id, at=await deployment.database.clock(tx))
    return viewer


async def read_view(deployment: Deployment, confirmation: str, person: str) -> View:
    """Everything the approver's page needs, as of one moment. Raises `NotFound("confirmation.unknown")`."""
    async with deployment.database.read() as tx:
        row = await get_confirmation(tx, confirmation)
        if row is None:
            raise NotFound("confirmation.unknown", "there is no such confirmation")
        standing = await standing_of(tx, deployment, row)
        matter = matter_of(row, deployment.rp)
        people = await get_people(tx, matter.policy.signers)
        obstacle: Refused | None = None
        try:
            await find_seat(tx, row, matter, person, await deployment.database.clock(tx))
            await usable_credentials(tx, matter, person)
            require_reachable(matter.terms, next(found for found in people if found.id == person))
        except Refused as error:
            obstacle = error
    vote = next((vote for vote in standing.votes if vote.person_id == person), None)
    return View(standing, sorted(people, key=lambda found: (found.name, found.id)), vote, obstacle)
