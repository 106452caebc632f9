# SPDX-License-Identifier: GPL-3.0-or-later
"""The Flask application of the pages: routes of every area, templates, translations, error pages, header fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request
from jinja2 import FileSystemLoader, StrictUndefined

from scheduling.access.permissions import Permission
from server import assets
from server.pages import areas
from server.pages.frame import complaints, errors, headers
from server.pages.frame.dispatch import Dispatcher
from server.pages.frame.navigation import Navigation
from server.pages.frame.routes import Page
from server.pages.words.languages import LANGUAGES, Sentences, translations
from server.settings import Settings

_HERE = Path(__file__).parent


def declared() -> tuple[Page, ...]:
    """Every page there is."""
    return tuple(page for pages in areas.found() for page in pages.declared)


def create_pages(settings: Settings) -> Flask:
    """The application for everything that is neither DAV nor the API nor for programs. Raises `Invalid`, OSError for a
    key that cannot be read.
    """
    app = Flask(__name__, static_folder=None, template_folder=None)
    pages = declared()
    navigation = Navigation.of(pages)
    dispatcher = Dispatcher(settings, pages, navigation)
    for page in pages:
        app.add_url_rule(page.path, page.endpoint, dispatcher.view(page), methods=[page.method])
    app.before_request(dispatcher.prepare)
    app.after_request(headers.secure)
    app.extensions[complaints.EXTENSION] = Sentences(
        tuple(sentence for it in areas.found() for sentence in it.sentences)
    )
    _templates(app, navigation, settings)
    _errors(app)
    return app


def _templates(app: Flask, navigation: Navigation, settings: Settings) -> None:
    app.jinja_loader = FileSystemLoader([_HERE / "templates", _HERE / "areas"])
    app.jinja_options = {
        "extensions": ["jinja2.ext.i18n", "jinja2.ext.do"],
        "trim_blocks": True,
        "lstrip_blocks": True,
        "undefined": StrictUndefined,
    }
    environment: Any = app.jinja_env
    environment.install_gettext_callables(
        lambda text: translations(g.locale.language).gettext(text),
        lambda one, many, count: translations(g.locale.language).ngettext(one, many, count),
        newstyle=True,
    )
    environment.globals.update(
        asset=assets.address, languages=LANGUAGES, permission=Permission, url=settings.url, visit=None
    )

    @app.context_processor
    def frame() -> dict[str, Any]:
        signed_in = g.get("signed_in")
        actor = signed_in.actor if signed_in is not None else None
        rule = request.url_rule.rule if request.url_rule is not None else ""
        return {
            "signed_in": signed_in,
            "links": navigation.links(actor, rule) if actor is not None else {},
            "crumbs": navigation.crumbs(rule),
            "locale": g.locale,
        }


def _errors(app: Flask) -> None:
    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        failure = errors.of(error)
        if failure.status >= 500:
            # Flask itself would log the path, and that of a one-time link is a secret.
            unexpected = error if failure.status == 500 else None
            app.logger.error(
                "answered %d to a request for %s: %s",
                failure.status,
                request.endpoint,
                type(error).__name__,
                exc_info=unexpected,
            )
        return errors.answer(failure)
