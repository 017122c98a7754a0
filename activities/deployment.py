"""What every activity needs to know of the installation it runs in."""

from dataclasses import dataclass

from cosignet.core.client_data import RelyingParty
from store.database import Database


@dataclass(frozen=True)
class Deployment:
    """The database, the relying party of its passkeys, and the address its pages have (no slash at the end)."""

    database: Database
    rp: RelyingParty
    public_url: str

    def approve_url(self, confirmation: str) -> str:
        """The page of one confirmation, without any secret."""
        return f"{self.public_url}/approve/{confirmation}"
