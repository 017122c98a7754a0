"""How an approver who was passed a link on comes to see what it is about: their passkey shows who they are.

Nothing here decides: what a sign-in gives is a personal link like the ones that are sent, and that only shows.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ceremonies import claimed_challenge
from activities.deployment import Deployment
from activities.matters import credential_of, matter_of
from activities.second_opinion import require_second_opinion_on
from cosignet.core.assertion import Assertion, VerifiedAssertion, verify_assertion
from cosignet.errors import Forbidden, Refused
from store.confirmations import get_confirmation
from store.credentials import get_credential, record_use
from store.organisations import get_people
from store.rows import CredentialRow
from store.sign_ins import begin_sign_in, use_sign_in
from store.votes import create_link


async def issue_sign_in(deployment: Deployment, confirmation: str) -> bytes:
    """A single-use challenge (32 bytes) for this id, which nothing needs to have. Raises `Unavailable`."""
    async with deployment.database.write() as tx:
        return await begin_sign_in(tx, confirmation, at=await deployment.database.clock(tx))


async def sign_in(deployment: Deployment, confirmation: str, assertion: Assertion) -> str:
    """The token of a new personal link for whoever's passkey this is, if they may sign this confirmation.

    Raises `Refused` with `assertion.…`, `ceremony.invalid` or `credential.revoked`, `Unavailable`, and
    `Forbidden("approval.not_an_approver")`, not saying whether there is such a confirmation.
    """
    async with deployment.database.write() as tx:
        at = await deployment.database.clock(tx)
        challenge = claimed_challenge(assertion.client_data)
        # First, so that whoever sends the same answer at the same time waits for this one and finds it used.
        await use_sign_in(tx, confirmation, challenge, at=at)
        credential = await _require_enrolled(tx, assertion)
        proof = _verify(deployment, assertion, credential, challenge)
        await _require_active(tx, credential)
        await _require_signer(tx, deployment, confirmation, credential.person_id)
        await record_use(tx, credential, sign_count=proof.sign_count, backed_up=proof.backed_up, at=at)
        return await create_link(tx, confirmation, credential.person_id, delivered=False, at=at)


def _verify(
    deployment: Deployment, assertion: Assertion, credential: CredentialRow, challenge: bytes
) -> VerifiedAssertion:
    # Nobody was named before the ceremony, so the answer itself has to (W3C WebAuthn Level 3 §7.2, step 6).
    if assertion.user_handle is None:
        raise Refused("assertion.user", "the passkey does not say to whom it belongs")
    known, rp = credential_of(credential), deployment.rp
    proof = verify_assertion(assertion, credential=known, challenge=challenge, rp=rp)
    require_second_opinion_on(assertion, credential=known, challenge=challenge, rp=rp)
    return proof


async def _require_enrolled(tx: AsyncConnection, assertion: Assertion) -> CredentialRow:
    credential = await get_credential(tx, assertion.credential_id)
    if credential is None:
        raise Refused("assertion.key", "this passkey is not enrolled here")
    return credential


async def _require_active(tx: AsyncConnection, credential: CredentialRow) -> None:
    people = await get_people(tx, [credential.person_id])
    if credential.revoked_at is not None or any(person.revoked_at is not None for person in people):
        raise Refused("credential.revoked", "this passkey has been revoked")


async def _require_signer(tx: AsyncConnection, deployment: Deployment, confirmation: str, person: str) -> None:
    row = await get_confirmation(tx, confirmation)
    if row is None or person not in matter_of(row, deployment.rp).policy.signers:
        raise Forbidden("approval.not_an_approver", "there is nothing here that you may approve")
