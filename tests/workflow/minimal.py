"""The least a workflow can do that waits for an Update or a timer: what our own costs are measured against."""

from datetime import timedelta

from temporalio import workflow


@workflow.defn
class MinimalApproval:
    def __init__(self) -> None:
        self._approved = False

    @workflow.run
    async def run(self) -> bool:
        # Longer than ten thousand of them take to start: a benchmark decides some of the first ones in the end.
        await workflow.wait_condition(lambda: self._approved, timeout=timedelta(hours=12))
        return self._approved

    @workflow.update
    async def approve(self) -> None:
        self._approved = True
