"""The plugin for an agent's Temporal client: it brings verification, guards and the way approvals travel."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from temporalio.plugin import SimplePlugin
from temporalio.worker import (
    ActivityInboundInterceptor,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from cosignet.client import CosignetClient
from cosignet.core.trust import Trust
from cosignet.errors import CosignetError, Malformed
from cosignet.temporal._guard import GuardInterceptor
from cosignet.temporal._held import ApprovalsInbound
from cosignet.temporal._verification import Service, Verifier

TESTING_RP_ID = "testing.invalid"

# Three exchanges and the pauses between them stay below the ten seconds that a verification may take.
_EXCHANGE_SECONDS = 2.5
_PASSED_THROUGH = ("cosignet", "cbor2", "cryptography", "rfc8785")
_HOW_TO_TRUST = (
    "Write one with `python -m api.admin trust ORGANISATION > trust.json` on the service, read it, keep it with this "
    "worker, and name it in COSIGNET_TRUST_FILE"
)


class CosignetPlugin(SimplePlugin):
    """Give one to `Client.connect(plugins=[CosignetPlugin()])`, on every worker that asks or acts.

    `url`, `api_key` and `trust` (the path of a trust file) default to the environment's COSIGNET_URL,
    COSIGNET_API_KEY and COSIGNET_TRUST_FILE. A `service` takes the place of `url` and `api_key`, a `Trust` that of its
    file. Nothing else of the client or worker changes: its data converter stays what it was.

    Raises `Malformed` with `plugin.url`, `plugin.api_key`, `plugin.trust` or `client.…`: a plugin that could not tell
    an approval from a claim is never built.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        api_key: str | None = None,
        trust: str | Path | Trust | None = None,
        service: Service | None = None,
    ) -> None:
        trusted = trust if isinstance(trust, Trust) else read_trust(trust)
        run_context = None
        if service is None:
            service = client = _client(url, api_key)
            run_context = _closing(client)
        verifier = Verifier(service, trusted)
        super().__init__(
            "cosignet.CosignetPlugin",
            interceptors=[_Interceptor(verifier)],
            activities=[verifier.verify_evidence],
            workflow_runner=_pass_through,
            workflow_failure_exception_types=[CosignetError],
            run_context=run_context,
        )


def read_trust(path: str | Path | None = None) -> Trust:
    """The trust in the file at `path`, by default COSIGNET_TRUST_FILE. Raises `Malformed("plugin.trust")`."""
    path = path or os.environ.get("COSIGNET_TRUST_FILE")
    if not path:
        raise Malformed("plugin.trust", f"no trust file is named. {_HOW_TO_TRUST}")
    try:
        trust = Trust.parse(Path(path).read_bytes())
    except (OSError, CosignetError) as error:
        raise Malformed("plugin.trust", f"{path} is no usable trust file: {error}. {_HOW_TO_TRUST}") from error
    if trust.rp.id == TESTING_RP_ID:
        raise Malformed("plugin.trust", f"{path} trusts what tests sign. {_HOW_TO_TRUST}")
    return trust


class _Interceptor(Interceptor):
    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return GuardInterceptor(next, self._verifier)

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002
        return ApprovalsInbound


def _client(url: str | None, api_key: str | None) -> CosignetClient:
    url = url or os.environ.get("COSIGNET_URL")
    api_key = api_key or os.environ.get("COSIGNET_API_KEY")
    if not url:
        raise Malformed("plugin.url", "where is the approval service? Set COSIGNET_URL, or give `url`")
    if not api_key:
        raise Malformed("plugin.api_key", "no API key: set COSIGNET_API_KEY, or give `api_key`")
    return CosignetClient(url, api_key, timeout=_EXCHANGE_SECONDS)


def _closing(client: CosignetClient) -> Callable[[], AbstractAsyncContextManager[None]]:
    """A run context that closes the client's connections when the last worker that shares them stops."""
    running = 0

    @asynccontextmanager
    async def while_running() -> AsyncIterator[None]:
        nonlocal running
        running += 1
        try:
            yield
        finally:
            running -= 1
            if not running:
                await client.aclose()

    return while_running


def _pass_through(runner: WorkflowRunner | None) -> WorkflowRunner:
    """The same runner; a sandbox shares our modules with its workflows, which are safe in there and slow to reload."""
    if runner is None:
        raise ValueError("no workflow runner to add the plugin to")
    if not isinstance(runner, SandboxedWorkflowRunner):
        return runner
    return replace(runner, restrictions=runner.restrictions.with_passthrough_modules(*_PASSED_THROUGH))
