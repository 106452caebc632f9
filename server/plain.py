# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves what programs request besides DAV and the API: feeds, robots.txt and static files. Refusals are plain
sentences.
"""

from __future__ import annotations

from flask import Flask, Response, request, send_from_directory
from werkzeug.exceptions import HTTPException

from scheduling.errors import DatabaseUnavailable
from server import assets
from server.away import AWAY
from server.links.feeds import create_feeds
from server.links.free_busy import create_free_busy
from server.security import SECURITY
from server.settings import Settings

_ROBOTS = "User-agent: *\nAllow: /feeds/\nDisallow: /dav/\nDisallow: /link/\n"


def create_plain(settings: Settings) -> Flask:
    """The Flask application."""
    app = Flask("server", static_folder=None)
    app.register_blueprint(create_feeds(settings))
    app.register_blueprint(create_free_busy(settings))

    @app.get("/static/<path:name>")
    def static(name: str) -> Response:
        response = send_from_directory(assets.FOLDER, name)
        response.headers["Cache-Control"] = assets.caching(name, request.args.get("v"))
        return response

    @app.get("/robots.txt")
    def robots() -> Response:
        # Google obeys robots.txt for subscribed calendars; feeds are kept out of indexes by X-Robots-Tag instead.
        return Response(_ROBOTS, mimetype="text/plain")

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
