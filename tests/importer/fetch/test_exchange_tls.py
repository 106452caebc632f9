# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from importer.errors import FetchFailed
from importer.fetch.addresses import Exemptions
from importer.fetch.exchange import FetchRequest, fetch
from importer.fetch.policy import FetchPolicy
from tests.importer.certificates import certificate

pytestmark = pytest.mark.usefixtures("resolver")
POLICY = FetchPolicy(allow=Exemptions.parse(["127.0.0.1"]), deadline=10)


@dataclass
class Secure:
    port: int
    trust: ssl.SSLContext
    names: list[str | None] = field(default_factory=list)


def serve(folder: Path, *, days: int) -> Iterator[Secure]:
    file = certificate(folder, days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        secure = Secure(listening.getsockname()[1], ssl.create_default_context(cafile=str(file)))

        def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
            secure.names.append(name)

        context.sni_callback = note

        def answer() -> None:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(plain, server_side=True) as connection:
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            except OSError:
                plain.close()

        thread = threading.Thread(target=answer)
        thread.start()
        yield secure
        thread.join()


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    yield from serve(tmp_path, days=30)


@pytest.fixture
def expired(tmp_path: Path) -> Iterator[Secure]:
    yield from serve(tmp_path, days=-1)


def failure(url: str, policy: FetchPolicy) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        fetch(FetchRequest(url=url), policy)
    return caught.value


def test_the_name_and_not_the_address_is_verified_and_sent(secure: Secure) -> None:
    policy = replace(POLICY, trust=secure.trust)
    assert fetch(FetchRequest(url=f"https://calendar.test:{secure.port}/"), policy).body == b"ok"
    assert secure.names == ["calendar.test"]


def test_a_certificate_nobody_trusts_is_refused(secure: Secure) -> None:
    error = failure(f"https://calendar.test:{secure.port}/", POLICY)
    assert error.reason == "tls"
    assert "certificate of calendar.test is not trusted" in error.message


def test_a_certificate_for_another_name_is_refused(secure: Secure) -> None:
    policy = replace(POLICY, trust=secure.trust)
    assert failure(f"https://other.test:{secure.port}/", policy).reason == "tls"


def test_an_expired_certificate_is_refused(expired: Secure) -> None:
    error = failure(f"https://calendar.test:{expired.port}/", replace(POLICY, trust=expired.trust))
    assert (error.reason, "expired" in error.message) == ("tls", True)
