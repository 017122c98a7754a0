"""When a confirmation is approved, said a second time: from the bytes that were sent, with nothing of the core.

`docs/protocol.md` §2 to §4 in the plainest code there is. It knows the passkeys' own public keys, the policy as JSON
and what was issued when; it reads contexts with `json`, and signatures with `cryptography`.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

UP, UV, BE = 0x01, 0x04, 0x08


def sha256(data):
    return hashlib.sha256(data).digest()


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True)
class Passkey:
    """Whose it is, its public key as `cryptography` holds it, and whether it can be synced."""

    person: str
    public: Any
    synced: bool

    @property
    def spelling(self):
        return self.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def signed(self, signature, message):
        how = (ec.ECDSA(hashes.SHA256()),) if isinstance(self.public, ec.EllipticCurvePublicKey) else ()
        try:
            self.public.verify(signature, message, *how)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Ballot:
    """A vote that counts: who signed, whose vote it is, for what, when, with which passkey."""

    nonce: bytes
    person: str
    seat: str
    word: str
    at: int
    passkey: bytes
    spelling: bytes

    def names(self):
        return {self.person, self.seat, self.passkey, self.spelling, self.nonce}


@dataclass
class Confirmation:
    """What is being decided, in plain values."""

    policy: dict[str, Any]
    terms: bytes
    rp_id: str
    origin: str
    opened: int
    deadline: int
    ballots: list[Ballot] = field(default_factory=list)
    counted: set[bytes] = field(default_factory=set)
    status: str = "pending"

    def judge(self, sent, passkeys, issued, revoked, now):
        """Whether this vote must be answered as counted; if it is new, it is counted here too."""
        nonce = sha256(b"cosignet/context/v1\x00" + sent.context)
        if nonce in self.counted:
            return True
        standing = [ballot for ballot in self.ballots if ballot.passkey not in revoked]
        ballot = self._read(nonce, sent, passkeys, now) if now < issued.get(sent.context, 0) else None
        if ballot is None or ballot.passkey in revoked or self.status != "pending" or now >= self.deadline:
            return False
        if not self._entitled(ballot) or any(ballot.names() & other.names() for other in standing):
            return False
        self.ballots = [*standing, ballot]
        self.counted.add(nonce)
        self.status = self._count()
        return True

    def audit(self, revoked):
        """Approved implies enough valid votes of distinct people of the policy, in time, once, none revoked."""
        approving = {ballot.seat for ballot in self.ballots if ballot.word == "approve"}
        assert len(approving) >= self.policy["threshold"]
        assert approving <= self._seats()
        assert sum(len({ballot.person, ballot.seat}) for ballot in self.ballots) == len(self._people())
        assert len({ballot.nonce for ballot in self.ballots}) == len(self.ballots)
        assert len({ballot.spelling for ballot in self.ballots}) == len(self.ballots)
        assert all(self.opened <= ballot.at < self.deadline for ballot in self.ballots)
        assert not any(ballot.passkey in revoked for ballot in self.ballots)
        assert not (self.policy["veto"] and any(ballot.word == "reject" for ballot in self.ballots))

    def _read(self, nonce, sent, passkeys, now):
        """The ballot, when the bytes are one: every rule of §3, in no particular order."""
        assertion = sent.assertion
        passkey = passkeys.get(assertion.credential_id)
        signed = assertion.authenticator_data + sha256(assertion.client_data)
        if passkey is None or not passkey.signed(assertion.signature, signed):
            return None
        context, client = json.loads(sent.context), json.loads(assertion.client_data)
        flags = assertion.authenticator_data[32]
        sound = (
            context["terms"] == b64u(sha256(self.terms)),
            context["approver"] == passkey.person,
            not (self.policy["device_bound_only"] and passkey.synced),
            client["type"] == "webauthn.get",
            client["challenge"] == b64u(nonce + self._payload()),
            client["origin"] == self.origin,
            not client.get("crossOrigin") and "topOrigin" not in client,
            signed[:32] == sha256(self.rp_id.encode()),
            flags & UP and flags & UV,
            bool(flags & BE) == passkey.synced,
            assertion.user_handle in (None, passkey.person.encode()),
        )
        seat = context["for"] or context["approver"]
        who = passkey.person, seat, context["decision"]
        return Ballot(nonce, *who, now, assertion.credential_id, passkey.spelling) if all(sound) else None

    def _people(self):
        return {name for ballot in self.ballots for name in (ballot.person, ballot.seat)}

    def _payload(self):
        text = json.loads(self.terms)["payload"]
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    def _seats(self):
        later = [person for stage in self.policy["fallback"] for person in stage["approvers"]]
        return {*self.policy["approvers"], *later} - {*self.policy["exclude"]}

    def _entitled(self, ballot):
        stages = [stage["after"] for stage in self.policy["fallback"] if ballot.seat in stage["approvers"]]
        opens = 0 if ballot.seat in self.policy["approvers"] else min(stages, default=self.deadline)
        own = ballot.person == ballot.seat or ballot.person in self.policy["delegates"].get(ballot.seat, [])
        barred = ballot.person in self.policy["exclude"]
        return ballot.seat in self._seats() and own and not barred and ballot.at - self.opened >= opens

    def _count(self):
        words = {ballot.seat: ballot.word for ballot in self.ballots}
        against = [seat for seat, word in words.items() if word == "reject"]
        if against and (self.policy["veto"] or len(self._seats()) - len(against) < self.policy["threshold"]):
            return "rejected"
        return "approved" if len(words) - len(against) >= self.policy["threshold"] else "pending"
