"""The trust file that the database would have you believe: to be read by a human, who decides."""

from collections.abc import Mapping

from activities.deployment import Deployment
from activities.log_reading import pinned_log
from activities.matters import credential_of
from cosignet.core.trust import Approver, Floor, Trust
from cosignet.errors import NotFound
from store.credentials import active_credentials
from store.organisations import list_people
from store.rows import CredentialRow, Person

KeysOf = Mapping[Person, list[CredentialRow]]


async def propose_trust(deployment: Deployment, organisation: str, *, threshold: int = 1) -> tuple[Trust, KeysOf]:
    """A trust file that pins every active passkey of an organisation, and whose they are.

    Raises `NotFound("trust.nobody")`, `Malformed("trust.form")` for a threshold that nobody can reach, and
    `Unavailable("log.unfounded")`.
    """
    async with deployment.database.read() as tx:
        people = await list_people(tx, organisation)
        passkeys = await active_credentials(tx, [person.id for person in people])
    keys = {person: [key for key in passkeys if key.person_id == person.id] for person in people}
    approvers = [Approver(p.id, p.name, tuple(map(credential_of, found))) for p, found in keys.items() if found]
    if not approvers:
        raise NotFound("trust.nobody", "nobody in this organisation has a passkey yet; send somebody an `invite`")
    log = await pinned_log(deployment)
    trust = Trust(organisation, deployment.rp, log, tuple(approvers), Floor(threshold, frozenset()))
    # Read back, so that a file that no relying party would accept is never handed out.
    return Trust.parse(trust.to_bytes()), keys
