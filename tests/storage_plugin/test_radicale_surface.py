# SPDX-License-Identifier: GPL-3.0-or-later
"""Radicale's plugin surface has moved in patch releases: what we override or call is compared with a recorded copy."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from radicale import app, httputils, pathutils, xmlutils
from radicale import auth as radicale_auth
from radicale import item as radicale_item
from radicale import rights as radicale_rights
from radicale import storage as radicale_storage
from radicale.app import base
from radicale.item import filter as radicale_filter

import auth_plugin
import storage_plugin
from server.dav import application
from storage_plugin import collection, expansion, item

_VERB = "self, environ, base_prefix, path, user, user_groups, request_info"
STORAGE = {
    "__init__": "self, configuration",
    "acquire_lock": "self, mode, user='', *args, **kwargs",
    "create_collection": "self, href, items=None, props=None",
    "discover": "self, path, depth='0', child_context_manager=None, user_groups=set()",
    "move": "self, item, to_collection, to_href",
    "verify": "self",
    "_is_collision_free": "bool",
    "_supports_problematic_chars": "bool",
    "_supports_trailing_whitespace": "bool",
    "_supports_unicode": "bool",
}
COLLECTION = {
    "__init__": "self, /, *args, **kwargs",
    "delete": "self, href=None",
    "etag": "property",
    "get_all": "self",
    "get_filtered": "self, filters",
    "get_meta": "self, key=None",
    "get_multi": "self, hrefs",
    "has_uid": "self, uid",
    "last_modified": "property",
    "path": "property",
    "serialize": "self, vcf_to_ics=False, ShareActions={}",
    "set_meta": "self, props",
    "sync": "self, old_token=''",
    "tag": "property",
    "upload": "self, href, item",
}
ITEM = {
    "__init__": "self, collection_path=None, collection=None, vobject_item=None, href=None, last_modified=None, "
    "text=None, etag=None, uid=None, name=None, component_name=None, time_range=None",
    "serialize": "self",
    "vobject_item": "property",
}
AUTH = {
    "__init__": "self, configuration",
    "_login_ext_with_groups": "self, login, password, context",
    "_sleep_for_constant_exec_time": "self, time_ns_begin",
}
RIGHTS = {"authorization": "self, user, user_groups, path"}
APPLICATION = {
    "__init__": "self, configuration",
    "_handle_request": "self, environ",
    "_read_xml_request_body": "self, environ, request_info",
    "_xml_response": "self, xml_content, request_info",
    **dict.fromkeys(
        (
            "do_DELETE",
            "do_GET",
            "do_MKCALENDAR",
            "do_MKCOL",
            "do_MOVE",
            "do_OPTIONS",
            "do_POST",
            "do_PROPFIND",
            "do_PROPPATCH",
            "do_PUT",
            "do_REPORT",
        ),
        _VERB,
    ),
}
OURS: list[tuple[type, list[type], dict[str, str]]] = [
    (radicale_storage.BaseStorage, [storage_plugin.Storage], STORAGE),
    (
        radicale_storage.BaseCollection,
        [collection.ReadOnlyCollection, collection.HomeCollection, collection.CalendarCollection],
        COLLECTION,
    ),
    (radicale_item.Item, [item.CalendarItem, expansion.ExpandedItem], ITEM),
    (radicale_auth.BaseAuth, [auth_plugin.Auth], AUTH),
    (radicale_rights.BaseRights, [auth_plugin.Rights], RIGHTS),
    (app.Application, [application.Application], APPLICATION),
]
CALLED = [
    (radicale_filter.simplify_prefilters, "filters, collection_tag"),
    (radicale_filter.comp_match, "item, filter_, level=0"),
    (httputils.read_raw_request_body, "configuration, environ"),
    (pathutils.strip_path, "path"),
    (xmlutils.make_human_tag, "clark_tag"),
    (base.Access.__init__, "self, rights, user, user_groups, path, permissions_filter=None"),
    (base.Access.check, "self, permission, item=None"),
    (radicale_storage.BaseStorage.discover, STORAGE["discover"]),
    (radicale_auth.BaseAuth.login, "self, login, password, context"),
]


def shape(thing: Any) -> str:
    """Names and defaults of the parameters; annotations do not matter and print differently in every Python."""
    if isinstance(thing, property):
        return "property"
    if not callable(thing):
        return type(thing).__name__
    parameters = inspect.signature(thing).parameters.values()
    bare = inspect.Signature([it.replace(annotation=inspect.Parameter.empty) for it in parameters])
    return str(bare)[1:-1]


def inherited(base_class: type, name: str) -> Any:
    return next(
        (vars(cls)[name] for cls in base_class.__mro__ if cls is not object and name in vars(cls)),
        getattr(base_class, name) if name == "__init__" else None,
    )


def overridden(base_class: type, classes: list[type]) -> set[str]:
    """What our classes define that Radicale's has too."""
    own = {name for cls in classes for name in vars(cls) if not name.startswith("__") or name == "__init__"}
    return {name for name in own if inherited(base_class, name) is not None}


@pytest.mark.parametrize(("base_class", "classes", "recorded"), OURS, ids=[it[0].__name__ for it in OURS])
def test_what_is_overridden_is_as_recorded(
    base_class: type, classes: list[type], recorded: dict[str, str]
) -> None:
    names = overridden(base_class, classes)
    assert {name: shape(inherited(base_class, name)) for name in sorted(names)} == dict(
        sorted(recorded.items())
    )


@pytest.mark.parametrize(("function", "recorded"), CALLED, ids=[it[0].__qualname__ for it in CALLED])
def test_what_is_called_is_as_recorded(function: Any, recorded: str) -> None:
    assert shape(function) == recorded


def test_no_verb_that_writes_is_left_to_radicale() -> None:
    verbs = {name for name in dir(app.Application) if name.startswith("do_")}
    assert verbs - set(vars(application.Application)) == {"do_HEAD"}
