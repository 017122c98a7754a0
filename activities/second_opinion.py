"""Every assertion is checked twice, by two independent verifiers: our core, and the `webauthn` package."""

from webauthn import verify_authentication_response
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorAssertionResponse,
)

from cosignet.core.assertion import Assertion
from cosignet.core.decision import Matter, Vote
from cosignet.core.encoding import b64u
from cosignet.core.terms import challenge_of
from cosignet.errors import Refused


def require_second_opinion(matter: Matter, vote: Vote, assertion: Assertion) -> None:
    """Require that the `webauthn` package accepts it too. Raises `Refused("assertion.disputed")`."""
    try:
        verify_authentication_response(
            credential=_as_credential(assertion),
            expected_challenge=challenge_of(vote.nonce, matter.terms.payload),
            expected_rp_id=matter.rp.id,
            expected_origin=sorted(matter.rp.origins),
            credential_public_key=vote.proof.credential.public_key,
            # Its own counter check has no policy; ours flags a decrease and goes on (docs/protocol.md §3).
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError) as error:
        raise Refused("assertion.disputed", "the second verifier refuses this assertion") from error


def _as_credential(assertion: Assertion) -> AuthenticationCredential:
    return AuthenticationCredential(
        id=b64u(assertion.credential_id),
        raw_id=assertion.credential_id,
        response=AuthenticatorAssertionResponse(
            client_data_json=assertion.client_data,
            authenticator_data=assertion.authenticator_data,
            signature=assertion.signature,
            user_handle=assertion.user_handle,
        ),
    )
