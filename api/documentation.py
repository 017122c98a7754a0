"""The OpenAPI 3.1 document, `/openapi.json`: FastAPI's own, with bodies and problems as they really are."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.bodies import JsonBody
from api.problems import MEDIA_TYPE
from api.schemas import Problem

_SCHEMAS = "#/components/schemas/"
_OF_A_BODY = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with problems of these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}{Problem.__name__}"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


class Api(FastAPI):
    """An app whose document knows the bodies that `JsonBody` reads."""

    def openapi(self) -> dict[str, Any]:
        """Compose the document, once."""
        if self.openapi_schema is not None:
            return self.openapi_schema
        document = super().openapi()
        models: set[type[BaseModel]] = {Problem}
        for path, method, model in self._bodies():
            models.add(model)
            operation = document["paths"][path][method]
            schema = {"$ref": _SCHEMAS + model.__name__}
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
            operation["responses"].update({str(status): is_ for status, is_ in problems(*_OF_A_BODY).items()})
        document["components"]["schemas"].update(_definitions(models))
        return document

    def _bodies(self) -> Iterator[tuple[str, str, type[BaseModel]]]:
        """Path, method and model of each operation that has a body."""
        for route in iter_route_contexts(self.routes):
            for found in _dependencies(getattr(route, "dependant", None)):
                if isinstance(found.call, JsonBody):
                    for method in route.methods or ():
                        yield route.path_format or "", method.lower(), found.call.model


def _definitions(models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    _, schema = models_json_schema([(model, "validation") for model in models], ref_template=_SCHEMAS + "{model}")
    definitions: dict[str, Any] = schema["$defs"]
    return definitions


def _dependencies(dependant: Dependant | None) -> Iterator[Dependant]:
    for found in dependant.dependencies if dependant else ():
        yield found
        yield from _dependencies(found)
