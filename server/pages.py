# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not DAV: the landing page, health checks, robots.txt and the feeds."""

from __future__ import annotations

from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from scheduling.database import schema
from scheduling.errors import DatabaseUnavailable, SchedulingError
from server import advice
from server.away import AWAY
from server.links.feeds import create_feeds
from server.links.free_busy import create_free_busy
from server.security import SECURITY
from server.settings import Settings

_ROBOTS = "User-agent: *\nAllow: /feeds/\nDisallow: /dav/\n"


def create_pages(settings: Settings) -> Flask:
    """The Flask application."""
    app = Flask("server", static_folder="static", template_folder="templates")
    app.register_blueprint(create_feeds(settings))
    app.register_blueprint(create_free_busy(settings))

    @app.get("/")
    def landing() -> str:
        return render_template("landing.html", caldav_url=settings.url("/dav/"))

    @app.get("/robots.txt")
    def robots() -> Response:
        # Google obeys robots.txt for subscribed calendars; feeds are kept out of indexes by X-Robots-Tag instead.
        return Response(_ROBOTS, mimetype="text/plain")

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        try:
            schema.require_current(settings.database())
        except SchedulingError as error:
            return jsonify(status="not ready", problem=advice.sentence(error)), 503
        return jsonify(status="ready"), 200

    @app.errorhandler(DatabaseUnavailable)
    def away(error: DatabaseUnavailable) -> tuple[str, int, dict[str, str]]:
        app.logger.error("answered 503: %s", error)
        return (
            f"{AWAY}\n",
            503,
            {"Retry-After": str(error.retry_after), "Content-Type": "text/plain; charset=utf-8"},
        )

    @app.errorhandler(Exception)
    def broken(error: Exception) -> tuple[str, int, dict[str, str]]:
        # Flask itself would log the path, and a feed's path is its password.
        app.logger.error("answered 500 to a request for %s", request.endpoint, exc_info=error)
        return (
            "Something went wrong here; the log of the server says more.\n",
            500,
            {"Content-Type": "text/plain; charset=utf-8"},
        )

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        response = Response(f"{error.description}\n", status=error.code, mimetype="text/plain")
        response.headers.extend(
            [it for it in error.get_headers() if it[0] not in ("Content-Type", "Content-Length")]
        )
        return response

    @app.after_request
    def secure(response: Response) -> Response:
        for name, value in SECURITY:
            response.headers.setdefault(name, value)
        return response

    return app
