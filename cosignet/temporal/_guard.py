"""Guarded activities: a worker refuses to run one unless a human signed exactly this call, and nobody used it yet.

Two locks, one key. The interceptor checks and unlocks one function for one run; the function itself stays locked
wherever no interceptor of ours has run: on a worker without the plugin, in a plain call, in another process.
"""

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NoReturn, TypeVar, cast

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from cosignet.core.encoding import b64u
from cosignet.errors import CosignetError, Forbidden
from cosignet.temporal._action import execution_of, payload_of
from cosignet.temporal._errors import GUARD, failure_of
from cosignet.temporal._held import HEADER
from cosignet.temporal._verification import Verifier

Function = TypeVar("Function", bound=Callable[..., Any])

_LOCK = "__cosignet_lock__"


class _Key:
    """Opens `lock` once."""

    def __init__(self, lock: object) -> None:
        self.lock: object | None = lock


_key: ContextVar[_Key | None] = ContextVar("cosignet_guard_key", default=None)


def guarded(function: Function) -> Function:
    """Let this activity run only with a human's approval of this call. Works above and below `@activity.defn`.

    `function` is a function or a method, asynchronous, or synchronous in a thread pool; a process pool cannot be
    guarded and refuses. To test the code inside, call `function.__wrapped__`. Raises `TypeError` for anything else.
    """
    if not inspect.isfunction(function):
        raise TypeError("@guarded goes on a function or a method")
    if hasattr(function, _LOCK):
        return function
    lock = object()

    @functools.wraps(function)
    async def locked(*arguments: Any, **named: Any) -> Any:
        _open(lock)
        return await function(*arguments, **named)

    @functools.wraps(function)
    def locked_sync(*arguments: Any, **named: Any) -> Any:
        _open(lock)
        return function(*arguments, **named)

    chosen = locked if inspect.iscoroutinefunction(function) else locked_sync
    setattr(chosen, _LOCK, lock)
    return cast(Function, chosen)


class GuardInterceptor(ActivityInboundInterceptor):
    """Runs a guarded activity only after its approval was verified here and consumed by this very execution."""

    def __init__(self, next: ActivityInboundInterceptor, verifier: Verifier) -> None:  # noqa: A002
        super().__init__(next)
        self._verifier = verifier

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        """Run it, or fail as `cosignet.guard` with the code of what is missing as its first detail."""
        lock = _lock_of(input.fn)
        if lock is None:
            return await super().execute_activity(input)
        try:
            await self._admit(input)
        except CosignetError as error:
            raise failure_of(error, GUARD) from error
        token = _key.set(_Key(lock))
        try:
            return await super().execute_activity(input)
        finally:
            _key.reset(token)

    async def _admit(self, call: ExecuteActivityInput) -> None:
        info = activity.info()
        if info.workflow_id is None:
            raise Forbidden(
                "guard.execution", "a guarded activity runs in a workflow, where its approval was asked for"
            )
        confirmation = _approval_of(call)
        # What arrived is decoded and encoded again: the approval must be of what the function is about to see.
        payload = payload_of(info.activity_type, call.args, activity.payload_converter())
        execution = execution_of(info.namespace, info.workflow_id, info.activity_type)
        await self._verifier.verify(confirmation, payload.canonical, execution)
        await self._verifier.service.consume(confirmation, b64u(payload.hash), _consumer(info))


def _consumer(info: activity.Info) -> str:
    """The same for every attempt of this activity, so that a retry may go on and nobody else may start."""
    execution = f"temporal:{info.namespace}/{info.workflow_id}/{info.workflow_run_id}/{info.activity_id}"
    # An id may be used again for a later activity. A local one runs beside the workflow's own code, and a worker's
    # crash gives it another time.
    return execution if info.is_local else f"{execution}/{info.scheduled_time.isoformat()}"


def _approval_of(call: ExecuteActivityInput) -> str:
    encoded = call.headers.get(HEADER)
    if encoded is None:
        raise Forbidden("guard.no_approval", "no approval came with this call: require_approval() of it comes first")
    try:
        return activity.payload_converter().from_payload(encoded, str)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise Forbidden("guard.no_approval", "what came as an approval cannot be read") from error


def _lock_of(function: Callable[..., Any]) -> object | None:
    # An activity may also be an instance whose class has a guarded __call__.
    lock: object | None = getattr(function, _LOCK, None) or getattr(function.__call__, _LOCK, None)  # type: ignore[operator]
    return lock


def _open(lock: object) -> None:
    key = _key.get()
    if key is None or key.lock is not lock:
        _refuse()
    key.lock = None


def _refuse() -> NoReturn:
    detail = "a guarded activity runs only on a worker with CosignetPlugin, once per approval"
    raise ApplicationError(f"guard.no_plugin: {detail}", "guard.no_plugin", type=GUARD, non_retryable=True)
