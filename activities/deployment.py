"""What every activity needs to know of the installation it runs in."""

from dataclasses import dataclass

from cosignet.core.client_data import RelyingParty
from store.database import Database
from store.installation import claim_rp_id


@dataclass(frozen=True)
class Deployment:
    """The database, the relying party of its passkeys, and the address its pages have (no slash at the end)."""

    database: Database
    rp: RelyingParty
    public_url: str

    async def prepare(self) -> None:
        """Bring the database to the newest schema and keep the relying party id.

        Raises `Conflict("installation.rp_id")` when passkeys are enrolled for another one, `Unavailable`.
        """
        await self.database.migrate()
        async with self.database.write() as tx:
            await claim_rp_id(tx, self.rp.id)

    def approve_url(self, confirmation: str) -> str:
        """The page of one confirmation, without any secret."""
        return f"{self.public_url}/approve/{confirmation}"
