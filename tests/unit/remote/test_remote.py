"""A server as both faces of the client ask it: what goes over, and how what goes wrong is said."""

import asyncio
import base64
import json
import os
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn

from piragua.http.tokens import Keys, Leeway, Role, role_of
from piragua.remote import exchange
from piragua.remote.async_server import AsyncServer
from piragua.remote.errors import ServerError, WrongSetting
from piragua.remote.server import Server
from piragua.remote.tokens import authorization
from tests.support.answering import server
from tests.support.heketi_clients.front_end import ADMIN_KEY, FrontEnd
from tests.support.terminal import CHECKOUT

TIMEOUT_SECONDS = 10
RECORDED = (
    "bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJpc3MiOiJhZG1pbiIsImlhdCI6MTAwMCwiZXhwIjoxMDYwLCJxc2giOiI3MTk2MjcyMjcwMDQzMjIwN2E0NGY5ZW"
    "NjMDk0ZmJhM2JhNmRlODRlNjIxNjhhMzZiYzNiMTNjNzJhZDE0NDBmIn0."
    "3BguT4E-B7_d4BdEzIbiPs8SV1DAKSactsdxvLYwGWc"
)
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

Ask = Callable[..., Any]
"""Makes a client of a URL and a key, calls that method of it with these arguments, and hands back the result."""


def asked_and_waited_for(url: str, key: bytes | None, method: str, *arguments: object, **options: Any) -> Any:
    return getattr(Server(url, key, **{"timeout_seconds": TIMEOUT_SECONDS, **options}), method)(*arguments)


def asked_meanwhile(url: str, key: bytes | None, method: str, *arguments: object, **options: Any) -> Any:
    async def asking() -> Any:
        client = AsyncServer(url, key, **{"timeout_seconds": TIMEOUT_SECONDS, **options})
        return await cast(Awaitable[Any], getattr(client, method)(*arguments))

    return asyncio.run(asking())


@pytest.fixture(params=[asked_and_waited_for, asked_meanwhile], ids=["Server", "AsyncServer"])
def ask(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Ask:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return cast(Ask, request.param)


@contextmanager
def piragua() -> Iterator[str]:
    """The URL of the front-ends over a core in memory, served as `piragua serve` does."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        serving = uvicorn.Server(uvicorn.Config(FrontEnd().app, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=serving.run, kwargs={"sockets": [listening]})
        listening.listen()
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            serving.should_exit = True
            thread.join(30)


@contextmanager
def saying(*answers: bytes, silent: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """The URL of what reads a request and sends these bytes, one for each connection; and what it has read.

    silent: connections stay open without a word.
    """
    requests: list[bytes] = []
    over = threading.Event()

    def answer() -> None:
        for each in answers:
            connection, _ = listening.accept()
            with connection:
                requests.append(connection.recv(65536))
                connection.sendall(each)
                if silent:
                    over.wait(60)

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        listening.settimeout(TIMEOUT_SECONDS)
        done = pool.submit(answer)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", requests
        finally:
            over.set()
            done.result(60)


def answer_of(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_a_volume_is_made_through_a_real_front_end(ask: Ask) -> None:
    with piragua() as url:
        assert ask(url, ADMIN_KEY, "text", "/health") == "alive."
        operation = ask(url, ADMIN_KEY, "begin", "POST", "/volumes", {"size": 2})
        while (path := ask(url, ADMIN_KEY, "poll", operation)) is None:
            pass
        volume = ask(url, ADMIN_KEY, "get", path)
        assert volume["size"] == 2
        assert ask(url, ADMIN_KEY, "get", "/volumes")["volumes"] == [volume["id"]]
        deletion = ask(url, ADMIN_KEY, "begin", "DELETE", path)
        while (left := ask(url, ADMIN_KEY, "poll", deletion)) is None:
            pass
        assert left == ""
        with pytest.raises(ServerError) as refused:
            ask(url, b"another key", "get", "/volumes")
        assert refused.value.status == 401
        assert "signature is invalid" in str(refused.value)
        with pytest.raises(ServerError, match="give the key with --key-file"):
            ask(url, None, "get", "/volumes")


def test_one_asynchronous_client_asks_for_many_tasks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def asking(url: str) -> list[Any]:
        client = AsyncServer(url, ADMIN_KEY, timeout_seconds=TIMEOUT_SECONDS, through_proxy=False)
        return await asyncio.gather(*(client.get("/volumes") for _ in range(20)))

    with piragua() as url:
        assert asyncio.run(asking(url)) == [{"volumes": []}] * 20


def test_a_task_that_is_cancelled_lets_go_of_its_request() -> None:
    async def asking(url: str) -> None:
        client = AsyncServer(url, None, timeout_seconds=60, through_proxy=False)
        async with asyncio.timeout(0.2):
            await client.get("/")

    with saying(b"", silent=True) as (url, _), pytest.raises(TimeoutError):
        asyncio.run(asking(url))


def test_what_is_sent_is_what_is_meant(ask: Ask) -> None:
    path = "/before/piragua/v1/volumes/../a%2Fb"
    with saying(answer_of(b"{}")) as (url, requests):
        ask(f"{url}/before/", b"k", "get", path.removeprefix("/before"), [("name", "a b[*]"), ("limit", "1")])
    head = requests[0].decode().split("\r\n\r\n")[0].split("\r\n")
    assert head[0] == f"GET {path}?name=a+b%5B%2A%5D&limit=1 HTTP/1.1"
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
    assert headers["host"] == url.removeprefix("http://")
    assert (headers["connection"], headers["accept-encoding"]) == ("close", "identity")
    signed_claims = headers["authorization"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(signed_claims + "=" * (-len(signed_claims) % 4)))
    assert headers["authorization"] == authorization(b"k", "GET", path, now_seconds=claims["iat"])


@pytest.mark.parametrize(("method", "verb"), [("put", "PUT"), ("patch", "PATCH"), ("post", "POST")])
def test_a_body_is_json(method: str, verb: str, ask: Ask) -> None:
    with saying(answer_of(b'{"a": 1}')) as (url, requests):
        ask(url, None, method, "/x", {"size": 1})
    assert requests[0].startswith(f"{verb} /x HTTP/1.1\r\n".encode())
    assert b"\r\nContent-Type: application/json\r\n" in requests[0]
    assert b"authorization" not in requests[0].lower()


def test_without_a_body_a_post_says_so(ask: Ask) -> None:
    with saying(answer_of(b"")) as (url, requests):
        assert ask(url, None, "post", "/x") is None
    assert b"content-length: 0\r\n" in requests[0].lower()
    assert b"content-type" not in requests[0].lower()


@pytest.mark.parametrize(
    ("headers", "status", "result"),
    [
        (["X-Pending: true"], "200 OK", None),
        (["Location: /volumes/1"], "303 See Other", "/volumes/1"),
        ([], "204 No Content", ""),
    ],
)
def test_a_poll_says_how_far_it_is(headers: list[str], status: str, result: str | None, ask: Ask) -> None:
    with saying(answer_of(b"", status, *headers)) as (url, _):
        assert ask(url, None, "poll", "/queue/1") == result


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_no_redirect_is_followed(status: str, ask: Ask) -> None:
    with saying(answer_of(b"", status, "Location: /elsewhere")) as (url, _), pytest.raises(ServerError) as moved:
        ask(url, None, "get", "/x")
    assert (moved.value.status, str(moved.value)) == (int(status[:3]), f"{url} answered {status[:3]}")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
        b"HTTP/1.1 200 OK\r\nBad Header\x00\r\n\r\n",
    ],
)
def test_what_breaks_off_or_is_no_http_is_no_answer(answer: bytes, ask: Ask) -> None:
    with saying(answer) as (url, _), pytest.raises(ServerError) as broken:
        ask(url, None, "get", "/x")
    assert broken.value.status == 0
    assert str(broken.value).startswith(f"{url} cannot be asked: ")
    assert not str(broken.value).endswith(": ")


def test_a_refusal_counts_though_its_sentence_breaks_off(ask: Ask) -> None:
    answer = b"HTTP/1.1 409 Conflict\r\nContent-Length: 100\r\n\r\nvolume ho"
    with saying(answer) as (url, _), pytest.raises(ServerError) as refused:
        ask(url, None, "get", "/x")
    assert (refused.value.status, str(refused.value)) == (409, f"{url} answered 409")


def test_a_redirect_or_a_page_is_not_waited_for(ask: Ask) -> None:
    for status, kind in (("303 See Other", "text/plain"), ("502 Bad Gateway", "Text/HTML; charset=utf-8")):
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nLocation: /y\r\nContent-Length: 9\r\n\r\n"
        with saying(head.encode(), silent=True) as (url, _):
            if status.startswith("303"):
                assert ask(url, None, "poll", "/x") == "/y"
            else:
                with pytest.raises(ServerError, match="answered 502"):
                    ask(url, None, "poll", "/x")


def test_a_server_that_says_nothing_is_given_up(ask: Ask) -> None:
    with saying(b"", silent=True) as (url, _), pytest.raises(ServerError) as late:
        ask(url, None, "get", "/x", timeout_seconds=0.2)
    assert (late.value.status, str(late.value)) == (0, f"{url} cannot be asked: timed out")


def test_a_host_that_cannot_be_is_no_answer(ask: Ask) -> None:
    with pytest.raises(ServerError, match="cannot be asked: "):
        ask(f"http://{'a' * 70}.example", None, "get", "/x")


@pytest.mark.skipif(not os.path.exists("/proc/net/if_inet6"), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["[::1]", "[::1%251]"])
def test_an_address_of_ipv6_is_a_host(host: str, ask: Ask) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listening, ThreadPoolExecutor(1) as pool:
        listening.settimeout(TIMEOUT_SECONDS)

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer_of(b"{}"))

        done = pool.submit(answer)
        assert ask(f"http://{host}:{listening.getsockname()[1]}", None, "get", "/x") == {}
        done.result(60)


def test_nobody_listens(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with pytest.raises(ServerError, match=r"cannot be asked: \[Errno 111\] Conn") as refused:
        ask(url, None, "get", "/x")
    assert refused.value.status == 0


def test_what_is_too_long_is_cut(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_LONGEST_ANSWER_BYTES", 10_000)
    monkeypatch.setattr(exchange, "_LONGEST_REFUSAL_BYTES", 10_000)
    fits, too_long = (json.dumps({"a": "x" * length}).encode() for length in (9_000, 10**7))
    with server({"/fits": fits.decode(), "/long": (200, {}, too_long), "/no": (500, {}, too_long)}) as url:
        with pytest.raises(WrongSetting, match="answered what Piragua does not"):
            ask(url, None, "get", "/long")
        with pytest.raises(ServerError) as refused:
            ask(url, None, "get", "/no")
        assert len(str(refused.value)) < 100_000
    with server({"/fits": (200, {}, fits)}) as url:
        assert len(ask(url, None, "get", "/fits")["a"]) == 9_000


@pytest.mark.parametrize(
    "url",
    [
        "gluster1:8080",
        "ftp://a",
        "http://",
        "http://a:0",
        "http://a:b",
        "http://[::1",
        "http://me:pw@a",
        "http://999.1.1.1",
        "http://ä",
    ],
)
def test_what_is_no_url_of_a_server_is_refused_before_anything_is_asked(url: str, ask: Ask) -> None:
    with pytest.raises(WrongSetting, match="the server is given as http://host:port"):
        ask(url, None, "get", "/x")


def test_a_proxy_of_the_environment_is_used_where_it_may_be(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    with saying(answer_of(b'{"by": "proxy"}')) as (proxy, requests):
        monkeypatch.setenv("http_proxy", proxy)
        assert ask("http://gluster1.example:8080", b"k", "get", "/x") == {"by": "proxy"}
    assert requests[0].startswith(b"GET http://gluster1.example:8080/x HTTP/1.1\r\n")
    with server({"/x": {"by": "itself"}}) as url:
        assert ask(url, None, "get", "/x", through_proxy=False) == {"by": "itself"}
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert ask(url, None, "get", "/x") == {"by": "itself"}


def test_a_proxy_for_everything_is_not_obeyed(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1")
    with server({"/x": {}}) as url:
        assert ask(url, None, "get", "/x") == {}


@pytest.mark.parametrize(
    "proxy", ["socks5://me:secret@127.0.0.1:1", "http://me:secret@[::1", "http://", "ftp://a"]
)
def test_a_proxy_that_is_none_for_http_is_said_to_be(
    proxy: str, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(WrongSetting, match=r"^http_proxy names no proxy that can be used") as refused:
        ask("http://gluster1.example", None, "get", "/x")
    assert "secret" not in str(refused.value)


def test_a_certificate_is_looked_at(ask: Ask, tmp_path: Path) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=piragua"]
    argv += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    with server({"/x": {}}, (certificate, key)) as url:
        assert ask(url, None, "get", "/x", cacert=str(certificate)) == {}
        assert ask(url, None, "get", "/x", insecure=True) == {}
        with pytest.raises(WrongSetting, match=rf"^the certificate of {url} is not trusted \(self"):
            ask(url, None, "get", "/x")
        with pytest.raises(WrongSetting, match="Hostname mismatch"):
            ask(url.replace("127.0.0.1", "localhost"), None, "get", "/x", cacert=str(certificate))
    with pytest.raises(WrongSetting, match="--cacert: certificates cannot be read"):
        ask("https://127.0.0.1:1", None, "get", "/x", cacert=str(tmp_path / "none"))


def test_https_is_not_spoken_to_http(ask: Ask) -> None:
    with server({}) as url, pytest.raises(ServerError, match=r"cannot be asked: \[SSL") as refused:
        ask(url.replace("http:", "https:"), None, "get", "/x")
    assert refused.value.status == 0


@pytest.mark.parametrize(
    "key",
    [
        b"k",
        b"x" * 31,
        b"\x00\xff\n",
        b"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n",
        b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me",
        b'{"kty": "oct", "k": "AAAA"}',
    ],
)
@pytest.mark.parametrize("role", [Role.ADMIN, Role.USER])
def test_any_bytes_are_a_key_without_a_word(key: bytes, role: Role) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        header = authorization(key, "GET", "/x", now_seconds=1000, role=role.value)
        keys = Keys(key, key)
        told = role_of(
            header.encode(), method="GET", path=b"/x", keys=keys, now_seconds=1000, leeway=Leeway(exp_seconds=0)
        )
    assert told is role


def test_a_token_is_byte_for_byte_what_was_recorded() -> None:
    """Made with OpenSSL: PyJWT is on both sides here."""
    assert authorization(b"k", "GET", "/x", now_seconds=1000) == RECORDED


def test_what_asks_is_loaded_only_to_ask() -> None:
    script = """
import sys
import piragua.cli.main, piragua.remote.server, piragua.remote.async_server
print([name for name in ("httpx", "jwt", "ssl", "http.client", "urllib.request") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "[]\n", done.stderr
