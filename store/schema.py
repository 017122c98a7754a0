"""The tables. Moments are whole seconds since 1970 in UTC; signed bytes are stored verbatim, never as JSON columns."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect

_EPOCH = datetime.fromtimestamp(0, UTC)


class Moment(TypeDecorator[datetime]):
    """An aware `datetime` of whole seconds, kept as an integer that sorts and compares alike in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Seconds since 1970, rounded down. Raises `TypeError` for a moment without a time zone."""
        return None if value is None else (value - _EPOCH) // timedelta(seconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """The moment, aware, in UTC."""
        return None if value is None else datetime.fromtimestamp(value, UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

position_type = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[str]:
    return Column("id", String(64), primary_key=True)


def _of_organisation() -> Column[str]:
    return Column("organisation_id", ForeignKey("organisations.id"), nullable=False, index=True)


installation = Table(
    "installation",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

organisations = Table(
    "organisations",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("created_at", Moment, nullable=False),
)

people = Table(
    "people",
    metadata,
    _id(),
    _of_organisation(),
    Column("email", String(320), nullable=False),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    Column("email_verified_at", Moment),
    UniqueConstraint("organisation_id", "email"),
)

invites = Table(
    "invites",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
)

registrations = Table(
    "registrations",
    metadata,
    Column("challenge", LargeBinary, primary_key=True),
    Column("token_hash", ForeignKey("invites.token_hash"), nullable=False, index=True),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    _of_organisation(),
    Column("person_id", ForeignKey("people.id"), nullable=False, index=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("backup_eligible", Boolean, nullable=False),
    Column("backed_up", Boolean, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("aaguid", LargeBinary, nullable=False),
    Column("transports", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("flagged_at", Moment),
    Column("revoked_at", Moment),
    # What the log says of it. Passkeys from before there were events have none.
    Column("enrolled_event", String(64)),
    Column("revoked_event", String(64)),
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    _of_organisation(),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", String(16), nullable=False),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
    Column("revoked_at", Moment),
)

policies = Table(
    "policies",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

floors = Table(
    "floors",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("action", String(200), primary_key=True),
    Column("threshold", Integer, nullable=False),
    Column("approvers", Text, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

confirmations = Table(
    "confirmations",
    metadata,
    _id(),
    _of_organisation(),
    Column("owner", Text, nullable=False),
    Column("ask_hash", LargeBinary, nullable=False),
    Column("request_event", String(64), nullable=False),
    Column("terms", LargeBinary, nullable=False),
    Column("terms_hash", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("policy", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("claim", Text, nullable=False),
    Column("external_id", String(200), nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("deadline", Moment, nullable=False),
    Column("valid_until", Moment, nullable=False),
    Column("decided_at", Moment),
    Column("outcome_event", String(64)),
    Column("consumer", Text),
    Column("consumed_at", Moment),
    Index("ix_confirmations_listing", "organisation_id", "owner", "created_at", "id"),
    Index("ix_confirmations_open", "status", "created_at"),
)

ceremonies = Table(
    "ceremonies",
    metadata,
    Column("nonce", LargeBinary, primary_key=True),
    Column("confirmation_id", ForeignKey("confirmations.id"), nullable=False, index=True),
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("context", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    # What becomes public of the approver's address: salt and hash, where they agree to that.
    Column("hashed_email", LargeBinary),
    Column("issued_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
)

votes = Table(
    "votes",
    metadata,
    Column("position", position_type, primary_key=True, autoincrement=True),
    Column("nonce", LargeBinary, nullable=False, unique=True),
    Column("confirmation_id", ForeignKey("confirmations.id"), nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("seat", String(64), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("context", LargeBinary, nullable=False),
    Column("credential_id", ForeignKey("credentials.id"), nullable=False),
    Column("authenticator_data", LargeBinary, nullable=False),
    Column("client_data", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("user_handle", LargeBinary),
    Column("counted_at", Moment, nullable=False),
    Column("voided_at", Moment),
)

# Nobody votes twice and no seat is filled twice, whatever the code above believes; a vote that was
# voided because its passkey was revoked no longer stands in the way.
for _column in ("person_id", "seat", "credential_id"):
    Index(
        f"uq_votes_{_column}",
        votes.c.confirmation_id,
        votes.c[_column],
        unique=True,
        sqlite_where=votes.c.voided_at.is_(None),
        postgresql_where=votes.c.voided_at.is_(None),
    )

links = Table(
    "links",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("confirmation_id", ForeignKey("confirmations.id"), nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=False),
    # Sent to the person's address, rather than given to whoever signed in.
    Column("delivered", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
)

# Without a foreign key: a challenge is issued for whatever id the page has, and must not tell which ones exist.
sign_ins = Table(
    "sign_ins",
    metadata,
    Column("challenge", LargeBinary, primary_key=True),
    Column("confirmation_id", String(64), nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
    Column("used_at", Moment),
)

# What was erased keeps its id, so that nothing else can have it.
erased = Table(
    "erased",
    metadata,
    Column("confirmation_id", String(64), primary_key=True),
    _of_organisation(),
    Column("erased_at", Moment, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("confirmation_id", String(64), nullable=False),
    Column("answer", LargeBinary),
    Column("created_at", Moment, nullable=False),
)
