"""Every passkey answer is checked twice, by two independent verifiers: our core, and the `webauthn` package."""

from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorAssertionResponse,
    AuthenticatorAttestationResponse,
    RegistrationCredential,
)

from cosignet.core.assertion import Assertion, Credential
from cosignet.core.client_data import RelyingParty
from cosignet.core.decision import Matter, Vote
from cosignet.core.encoding import b64u
from cosignet.core.registration import NewCredential
from cosignet.core.terms import challenge_of
from cosignet.errors import Refused

ALGORITHMS = [COSEAlgorithmIdentifier.ECDSA_SHA_256, COSEAlgorithmIdentifier.EDDSA]


def require_second_opinion(matter: Matter, vote: Vote, assertion: Assertion) -> None:
    """Require that the `webauthn` package accepts it too. Raises `Refused("assertion.disputed")`."""
    challenge = challenge_of(vote.nonce, matter.terms.payload)
    require_second_opinion_on(assertion, credential=vote.proof.credential, challenge=challenge, rp=matter.rp)


def require_second_opinion_on(
    assertion: Assertion, *, credential: Credential, challenge: bytes, rp: RelyingParty
) -> None:
    """As `require_second_opinion`, for an assertion over any challenge. Raises `Refused("assertion.disputed")`."""
    try:
        verify_authentication_response(
            credential=_as_credential(assertion),
            expected_challenge=challenge,
            expected_rp_id=rp.id,
            expected_origin=sorted(rp.origins),
            credential_public_key=credential.public_key,
            # Its own counter check has no policy; ours flags a decrease and goes on (docs/protocol.md §3).
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError) as error:
        raise Refused("assertion.disputed", "the second verifier refuses this assertion") from error


def require_second_opinion_on_key(
    new: NewCredential, *, attestation_object: bytes, client_data: bytes, challenge: bytes, rp: RelyingParty
) -> None:
    """Require that the `webauthn` package reads the same new passkey. Raises `Refused("assertion.disputed")`."""
    response = AuthenticatorAttestationResponse(client_data_json=client_data, attestation_object=attestation_object)
    try:
        verified = verify_registration_response(
            credential=RegistrationCredential(id=b64u(new.id), raw_id=new.id, response=response),
            expected_challenge=challenge,
            expected_rp_id=rp.id,
            expected_origin=sorted(rp.origins),
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
    except (WebAuthnException, ValueError, KeyError) as error:
        raise Refused("assertion.disputed", "the second verifier refuses this passkey") from error
    if (verified.credential_id, verified.credential_public_key) != (new.id, new.public_key):
        raise Refused("assertion.disputed", "two verifiers read two different passkeys")


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
