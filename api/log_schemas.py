"""The JSON of the public log. Hashes and roots are base64url."""

from pydantic import BaseModel, Field

from activities.log_reading import LogState
from api.schemas import MomentOut


class HeadJson(BaseModel):
    """A signed head; its checkpoint is at `/public/log/heads/{size}`."""

    size: int
    root: str
    signed_at: MomentOut


class HeadsJson(BaseModel):
    """Signed heads, the largest first."""

    heads: list[HeadJson]


class InclusionJson(BaseModel):
    """RFC 6962 §2.1.1: the hashes from the leaf to the root, the leaf's sibling first."""

    leaf_index: int
    tree_size: int
    root: str
    hashes: list[str]


class ConsistencyJson(BaseModel):
    """RFC 6962 §2.1.2: what leads from the first tree to the second."""

    first: int
    second: int
    root: str = Field(description="The root of the second tree.")
    hashes: list[str]


class UnansweredRequest(BaseModel):
    """A request that was due without an outcome."""

    leaf_index: int
    event: str
    deadline: MomentOut


class UnansweredJson(BaseModel):
    """Requests in the tree of `size` leaves that were due and have no outcome in it: the oldest, at most 1,000."""

    size: int
    requests: list[UnansweredRequest]


class LogStatusJson(BaseModel):
    """The log's tree, its newest signed head, and what is wrong, if anything is."""

    state: LogState
    origin: str
    size: int = Field(description="Leaves in the tree.")
    signed: int = Field(description="Leaves under the newest signed head.")
    head_age: int | None = Field(description="Its age in seconds.")
    waiting: int = Field(description="Events whose leaf is not in the tree.")
    why: str


class Status(BaseModel):
    """How this installation stands."""

    log: LogStatusJson
