"""An approver without a browser: the real ceremonies over HTTP, with a passkey in software.

For demonstrations and tests alone. It does what the page does: recompute both halves of the challenge from
what was shown and what was touched, and stop before signing when anything differs.
"""

from typing import Any, Literal
from urllib.parse import urlsplit

import httpx2

from cosignet.core.canonical import Payload
from cosignet.core.encoding import from_b64u, sha256
from cosignet.core.terms import Context, Terms, challenge_of, hash_text, nonce_of
from cosignet.testing import Ceremony, SoftwarePasskey, challenge_from


class SoftwareApprover:
    """One person with one software passkey. `url` is the service's public URL."""

    def __init__(self, url: str) -> None:
        host = urlsplit(url).hostname or ""
        self._http = httpx2.AsyncClient(base_url=url, headers={"Origin": url}, timeout=30)
        self._ceremony = Ceremony(rp_id=host, origin=url)
        self._passkey: SoftwarePasskey | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def register(self, register_url: str) -> dict[str, Any]:
        """Enrol a passkey with an invite; returns the person."""
        invite = {"Authorization": f"Invite {urlsplit(register_url).fragment}"}
        asked = await self._post("/v1/registrations/options", invite, {})
        options = asked["options"]
        self._passkey = SoftwarePasskey(from_b64u(options["user"]["id"]).decode())
        made = self._passkey.register(challenge_from(options), self._ceremony)
        enrolled = await self._post("/v1/registrations", invite, {"credential": made})
        person: dict[str, Any] = enrolled["person"]
        return person

    async def open(self, link: str) -> dict[str, Any]:
        """What the personal link shows; refuses to go on when its parts do not belong together."""
        shown = await self._post(f"{urlsplit(link).path.replace('/approve/', '/v1/approvals/')}/view", _auth(link), {})
        terms = Terms.parse(from_b64u(shown["terms"]))
        payload = Payload.from_canonical(from_b64u(shown["payload_bytes"]))
        if payload.hash != terms.payload or payload.value != shown["payload"] or terms.action != shown["action"]:
            raise RuntimeError("what is shown is not what would be signed")
        return shown

    async def decide(self, link: str, decision: Literal["approve", "reject"], reason: str = "") -> dict[str, Any]:
        """Look, touch, sign, submit; returns the service's answer."""
        shown = await self.open(link)
        path = f"/v1/approvals/{shown['id']}"
        issued = await self._post(f"{path}/ceremonies", _auth(link), {"decision": decision, "reason": reason})
        challenge = challenge_from(issued["options"])
        self._check(shown, decision, reason, from_b64u(issued["context"]), challenge)
        if self._passkey is None:
            raise RuntimeError("enrol a passkey first")
        credential = self._passkey.answer(challenge, self._ceremony)
        return await self._post(f"{path}/votes", _auth(link), {"nonce": issued["nonce"], "credential": credential})

    def _check(self, shown: dict[str, Any], decision: str, reason: str, context: bytes, challenge: bytes) -> None:
        read = Context.parse(context)
        touched = (sha256(from_b64u(shown["terms"])), shown["you"]["id"], decision, hash_text(reason))
        if (read.terms, read.approver, read.decision, read.reason) != touched:
            raise RuntimeError("the service asks to sign something else than what was touched")
        if challenge != challenge_of(nonce_of(context), sha256(from_b64u(shown["payload_bytes"]))):
            raise RuntimeError("the challenge is not the one of what is shown")

    async def _post(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._http.post(path, headers=headers, json=body)
        if answer.is_error:
            raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text}")
        value: dict[str, Any] = answer.json()
        return value


def _auth(link: str) -> dict[str, str]:
    return {"Authorization": f"Link {urlsplit(link).fragment}"}
