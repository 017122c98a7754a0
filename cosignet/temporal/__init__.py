"""Cosignet for Temporal: a plugin, `require_approval()`, guarded activities.

client = await Client.connect(**config, plugins=[CosignetPlugin()])

@activity.defn
@guarded
async def wire_transfer(transfer: Transfer) -> str: ...

await require_approval("Wire 250 EUR", activity=wire_transfer, input=[transfer], approvers=["anna@example.com"])
await workflow.execute_activity(wire_transfer, transfer, start_to_close_timeout=timedelta(minutes=1))
"""

try:
    from cosignet.temporal._errors import NotApproved
    from cosignet.temporal._guard import guarded
    from cosignet.temporal._plugin import CosignetPlugin
    from cosignet.temporal._verification import Approval, Service
    from cosignet.temporal.workflow import require_approval
except ModuleNotFoundError as error:
    if str(error.name).partition(".")[0] not in ("temporalio", "httpx2"):
        raise
    message = "cosignet.temporal needs temporalio and httpx2: pip install cosignet[temporal]"
    raise ModuleNotFoundError(message, name=error.name) from error

__all__ = ["Approval", "CosignetPlugin", "NotApproved", "Service", "guarded", "require_approval"]
