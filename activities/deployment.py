"""What every activity needs to know of the installation it runs in."""

from dataclasses import dataclass
from functools import cached_property

from activities.appending import Appender
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

    @cached_property
    def appender(self) -> Appender:
        """What moves recorded events into the log's tree."""
        return Appender(self.database)

    @property
    def log_url(self) -> str:
        """Where everybody reads the log, without a slash at the end."""
        return f"{self.public_url}/public/log"

    @property
    def log_origin(self) -> str:
        """What a log that is founded here is called: its address without the scheme, c2sp.org/tlog-tiles."""
        return self.log_url.partition("://")[2]

    def approve_url(self, confirmation: str) -> str:
        """The page of one confirmation, without any secret."""
        return f"{self.public_url}/approve/{confirmation}"
