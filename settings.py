"""Settings of the service: environment variables `COSIGNET_*`, each described here and listed in docs/operations.md.

Temporal's own connection follows the SDK's standard environment configuration (`TEMPORAL_ADDRESS`,
`TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, TLS).
"""

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.exc import ArgumentError
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RetryConfig, RPCError

from activities.deployment import Deployment
from cosignet.core.client_data import RelyingParty
from cosignet.errors import Malformed, Unavailable
from store.database import Database

TEMPORAL_ADDRESS = "localhost:7233"
# The SDK's own patience of ten seconds, several times over, would be an approver's whole patience.
RETRY_MILLISECONDS = 2_000
CONNECT_TIMEOUT = 10.0


class Settings(BaseSettings):
    """Raises pydantic's `ValidationError` for a value that makes no sense."""

    model_config = SettingsConfigDict(env_prefix="COSIGNET_", extra="ignore")

    public_url: str = Field(
        "http://localhost:8420",
        description="Where people reach this installation; https, unless the host is localhost. Its host is the "
        "default relying party id of passkeys.",
    )
    rp_id: str = Field(
        "",
        description="Relying party id of passkeys: the host of the public URL, or a parent domain of it. A change "
        "while passkeys are enrolled refuses to start.",
    )
    data_dir: Path = Field(
        Path(".local"), description="Where the default database and undelivered messages (`outbox/`) lie."
    )
    database_url: str = Field(
        "", description="`postgresql://…` or `sqlite:///…`; by default `cosignet.db` in the data directory."
    )
    log_publisher: bool = Field(
        True,
        description="Whether this machine's worker signs the log's heads. Exactly one machine does: the one that has "
        "the log's key and its high-water mark.",
    )
    log_key_file: Path | None = Field(
        None,
        description="The log's private keys, readable by their owner alone; by default `log.key` in the data "
        "directory. Made when the log is founded.",
    )
    log_mark_file: Path | None = Field(
        None,
        description="The log's high-water mark; by default `log.mark` in the data directory. Keep it where no backup "
        "of the database is restored over it.",
    )
    log_interval: int = Field(10, description="Seconds after which a head is signed anew, grown or not.", ge=1)
    http_host: str = Field("127.0.0.1", description="Address the API listens on.")
    http_port: int = Field(8420, description="Port the API listens on.", ge=1, le=65535)
    calls_per_key: int = Field(1_200, description="Calls a minute that one API key may make.", ge=1)
    calls_per_address: int = Field(3_000, description="Calls a minute that one address (IPv6: one /64) may make.", ge=1)
    temporal_organisation: str = Field(
        "",
        description="Id of the organisation that workflows of this Temporal namespace ask for. Empty: requests from "
        "workflows are refused, those over HTTP work.",
    )

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str) -> str:
        url = urlsplit(value)
        if url.path not in ("", "/") or url.query or url.fragment or not url.hostname:
            raise ValueError("must be scheme, host and port alone, such as https://approve.example.com")
        if url.scheme != "https" and not (url.scheme == "http" and url.hostname == "localhost"):
            raise ValueError("must be https: browsers offer passkeys on https and on http://localhost alone")
        # As browsers write an origin: host in lower case, no default port.
        default = {"https": 443, "http": 80}[url.scheme]
        port = f":{url.port}" if url.port not in (None, default) else ""
        return f"{url.scheme}://{url.hostname}{port}"

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "postgres://", "sqlite:///")):
            raise ValueError("must begin with postgresql:// or sqlite:///")
        return value

    @property
    def log_key_path(self) -> Path:
        """Where the log's private keys are."""
        return self.log_key_file or self.data_dir / "log.key"

    @property
    def log_mark_path(self) -> Path:
        """Where the log's high-water mark is."""
        return self.log_mark_file or self.data_dir / "log.mark"

    def relying_party(self) -> RelyingParty:
        """Rp id and the one origin pages have. Raises `ValueError` for an rp id that is no parent of the host."""
        host = urlsplit(self.public_url).hostname or ""
        rp_id = self.rp_id or host
        if host != rp_id and not host.endswith("." + rp_id):
            raise ValueError(f"COSIGNET_RP_ID {rp_id} is neither {host} nor a parent domain of it")
        return RelyingParty(rp_id, frozenset({self.public_url}))

    def deployment(self) -> Deployment:
        """Connect to nothing yet, and say where everything is."""
        return Deployment(Database(self._database_url()), self.relying_party(), self.public_url)

    def _database_url(self) -> str:
        if self.database_url:
            return self.database_url
        self.data_dir.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{self.data_dir / 'cosignet.db'}"


def read_settings() -> tuple[Settings, Deployment]:
    """The settings, and the installation they describe. Raises `Malformed("settings.invalid")`."""
    try:
        settings = Settings()
        return settings, settings.deployment()
    except ValidationError as error:
        wrong = "; ".join(f"COSIGNET_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise Malformed("settings.invalid", wrong) from error
    except (ArgumentError, ImportError, OSError, ValueError) as error:
        raise Malformed("settings.invalid", str(error)) from error


async def connect_temporal() -> Client:
    """Connect as the environment says (`temporalio.envconfig`), by default to this machine.

    Raises `Unavailable("temporal.unavailable")`.
    """
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", TEMPORAL_ADDRESS)
    patience = RetryConfig(max_elapsed_time_millis=RETRY_MILLISECONDS)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await Client.connect(**config, retry_config=patience)
    except (RuntimeError, RPCError, TimeoutError) as error:
        raise Unavailable("temporal.unavailable", f"cannot connect to Temporal: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    # The SDK prints a nested Rust error; what the operating system said is inside, last.
    found = re.findall(r'message: "([^"]+)"', str(error))
    return found[-1] if found else str(error) or f"no answer within {CONNECT_TIMEOUT:.0f} s"
