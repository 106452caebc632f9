# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST API under /api/v1: JSON, described by an OpenAPI 3.1 document that is made from the code.

It is a Flask application of its own, so that everything below /api, unknown addresses too, is answered as problem
details.
"""

from __future__ import annotations

import json
from functools import cache
from http import HTTPStatus
from typing import Any

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from scheduling.errors import SchedulingError
from scheduling.schedule.entries import BadValue
from server.api.protocol import problems, reference
from server.api.protocol.dispatch import Dispatcher
from server.api.protocol.document import openapi
from server.api.protocol.operations import ROOT
from server.api.protocol.problems import Refused
from server.api.resources import ROUTES
from server.settings import Settings

__all__ = ["ROOT", "create_api"]


def create_api(settings: Settings) -> Flask:
    """The application for everything below /api."""
    app = Flask(__name__, static_folder=None)
    dispatcher = Dispatcher(settings)
    for part in ROUTES:
        for operation in part.operations:
            app.add_url_rule(
                ROOT + operation.rule,
                operation.name,
                dispatcher.view(operation),
                methods=[operation.method],
                provide_automatic_options=False,
            )

    # Not before somebody asks: it takes longer to make than everything else.
    @cache
    def document() -> dict[str, Any]:
        return openapi(ROUTES, settings.url("/").rstrip("/"))

    @cache
    def text() -> str:
        return json.dumps(document(), ensure_ascii=False)

    @app.get(f"{ROOT}/openapi.json")
    def openapi_json() -> Response:
        return Response(text(), content_type="application/json")

    @app.get(f"{ROOT}/")
    def browse() -> str:
        return reference.page(document())

    _refuse_with_problems(app)
    return app


def _refuse_with_problems(app: Flask) -> None:
    @app.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        return problems.answer(error)

    @app.errorhandler(SchedulingError)
    @app.errorhandler(BadValue)
    def not_possible(error: SchedulingError | BadValue) -> Response:
        found = problems.of_scheduling(error)
        if found.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            app.logger.error("answered %d: %s", found.status, error)
        return problems.answer(found)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        sentence = {
            HTTPStatus.NOT_FOUND: f"There is nothing at this address; {ROOT}/ shows what there is.",
            HTTPStatus.METHOD_NOT_ALLOWED: "This address does not know that method; Allow names those it knows.",
        }.get(status, error.description or status.phrase)
        kept = {name: value for name, value in error.get_headers() if name == "Allow"}
        return problems.answer(Refused(status, sentence, headers=kept))

    @app.after_request
    def secure(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", reference.CSP)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return response
