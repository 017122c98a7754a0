"""What an activity call is, as a payload that a human can sign: the activity's type and its exact input.

    {"activity": <activity type>, "input": [<JSON of each argument, as the payload converter writes it>]}

Both sides build it with this module: the workflow from what it asks about, the guard from what really arrived.
"""

from collections.abc import Callable, Sequence
from typing import Any

from temporalio import activity as temporal_activity
from temporalio.api.common.v1 import Payload as Encoded
from temporalio.converter import PayloadConverter

from cosignet.core.canonical import Payload, parse
from cosignet.errors import Malformed


def payload_of(activity_type: str, arguments: Sequence[Any], converter: PayloadConverter) -> Payload:
    """The payload of one call. Raises `Malformed("payload.…")`, `payload.not_json` for bytes and the like."""
    try:
        encoded = converter.to_payloads(list(arguments)) if arguments else []
    except (TypeError, ValueError, RuntimeError) as error:
        raise Malformed("payload.not_json", f"an argument cannot be encoded: {error}") from error
    return Payload.from_value({"activity": activity_type, "input": [_json_of(item) for item in encoded]})


def type_of(activity: Callable[..., Any] | str) -> str:
    """The type name that Temporal knows an activity by. Raises `TypeError` for what is no activity."""
    if isinstance(activity, str):
        return activity
    # The SDK has no public way to ask, and every plugin that needs the name asks this.
    name = temporal_activity._Definition.must_from_callable(activity).name  # noqa: SLF001
    if name is None:
        raise TypeError("a dynamic activity has no type of its own: name the one to run")
    return name


def execution_of(namespace: str, workflow_id: str, activity_type: str) -> str:
    """Where alone the action may run, as it stands in the signed terms."""
    return f"temporal:{namespace}/{workflow_id}/{activity_type}"


def _json_of(encoded: Encoded) -> Any:
    encoding = encoded.metadata.get("encoding", b"")
    if encoding == b"binary/null":
        return None
    if encoding not in (b"json/plain", b"json/protobuf"):
        raise Malformed("payload.not_json", f"an argument is encoded as {encoding.decode(errors='replace')}, not JSON")
    return parse(encoded.data)
