"""What the routes share: one per process, kept in the app's state."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from activities.approvals import ApprovalWorkflows
from activities.deployment import Deployment
from api.limits import Limits
from api.polling import Poller


@dataclass(frozen=True)
class Service:
    """Where things are, and who drives the approvals."""

    deployment: Deployment
    workflows: ApprovalWorkflows
    poller: Poller
    limits: Limits


def _service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Use = Annotated[Service, Depends(_service_of)]
