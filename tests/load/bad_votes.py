"""Votes that must not count, one of each kind."""

import secrets
from dataclasses import replace

from cosignet.core.encoding import b64u
from cosignet.temporal.contract import UNPINNED


def noise(size):
    return b64u(secrets.token_bytes(size))


async def bad_votes(service, confirmation):
    """How to make one of each kind, and the code with which the workflow refuses it under an id that is no nonce."""
    other, _ = await service.start()
    _, vote = await service.acme.sign(confirmation, "anna")
    _, rejection = await service.acme.sign(confirmation, "anna", "reject")
    _, foreign = await service.acme.sign(other, "anna")
    return [
        (lambda: replace(vote, signature=noise(70)), "assertion.signature"),
        (lambda: replace(vote, credential=noise(16)), UNPINNED),
        (lambda: replace(vote, context=noise(200)), "context.form"),
        (lambda: replace(vote, context="!!"), "encoding.base64url"),
        (lambda: replace(vote, context="A" * 9_000), "vote.size"),
        (lambda: replace(vote, user_handle=noise(3)), "assertion.user"),
        (lambda: replace(rejection, context=vote.context), "assertion.challenge"),
        (lambda: vote, "vote.id"),
        (lambda: foreign, "terms.hash"),
    ]
