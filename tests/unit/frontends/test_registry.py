"""A front-end is a folder and a line: one from a temporary folder has everything that ours have."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import anyio
import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.routing import Mount

from lab.machine import wait_until
from piragua import frontends
from piragua.config import ConfigError, Settings
from piragua.frontends import registry
from piragua.frontends.application import application
from piragua.frontends.front_end import FrontEnd as RealFrontEnd
from piragua.http.path_space import PathSpace
from piragua.http.streams import Streams
from piragua.models import Mode
from piragua.service.service import Service
from tests.support.heketi_clients.front_end import FrontEnd
from tests.support.instance import CHECKOUT

pytestmark = pytest.mark.anyio

NAME = "noticeboard"
FOLDER = CHECKOUT / "tests/support" / NAME
LEAST = {"PIRAGUA_VOLUMES": "gv0", "PIRAGUA_DISABLE_AUTH": "true"}
PASSWORD = {"X-Password": "let me read"}
WRONG = {"error": "TokenRefused", "says": "the password is wrong"}
TIMEOUT_SECONDS = 0.3

Ask = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder elsewhere with one more front-end in it."""
    shutil.copytree(FOLDER, tmp_path / NAME, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.fixture(autouse=True)
def added(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The line in the registry."""
    monkeypatch.setattr(frontends, "__path__", [*frontends.__path__, str(folder)])
    monkeypatch.setattr(registry, "FRONT_ENDS", (*registry.FRONT_ENDS, NAME))
    yield
    for name in [name for name in sys.modules if name.startswith(f"{frontends.__name__}.{NAME}")]:
        del sys.modules[name]


@pytest.fixture
def sitecustomize(folder: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a program in which the registry has the line. No file of ours is touched."""
    (tmp_path / "sitecustomize.py").write_text(
        "from piragua import frontends\n"
        "from piragua.frontends import registry\n"
        f"frontends.__path__.append({str(folder)!r})\n"
        f"registry.FRONT_ENDS += ({NAME!r},)\n"
    )
    return {
        **LEAST,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(CHECKOUT)]),
        "PIRAGUA_MOUNT_ROOT": str(tmp_path / "mounts"),
        "PIRAGUA_HOST": "127.0.0.1",
        "PIRAGUA_USAGE_INTERVAL": "0",
    }


@dataclass
class Served:
    """An application with all front-ends, over a core in memory."""

    behind: FrontEnd
    front_ends: list[RealFrontEnd]
    app: FastAPI

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=("10.9.9.9", 40000), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://piragua") as client:
            return await client.request(method, path, **{"headers": PASSWORD, **more})


def module() -> Any:
    """The front-end's own, once it was loaded."""
    return sys.modules[f"{frontends.__name__}.{NAME}.front_end"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def serve(streams: Streams | None = None, **environment: str) -> Served:
    behind = FrontEnd()
    settings = Settings.from_environment({**LEAST, **environment}, registry.front_end_settings())
    core = replace(behind.core(), inventories={}, usages={})
    front_ends = registry.front_ends(core, settings)
    app = application(core, front_ends, streams=streams, request_timeout_seconds=TIMEOUT_SECONDS)
    return Served(behind, front_ends, app)


async def test_it_asks_the_core_and_heketis_clients_notice_nothing() -> None:
    served = serve()
    assert (await served.ask("GET", "/board/volumes")).json() == []
    assert (await served.ask("GET", "/volumes", headers={})).json() == {"volumes": []}
    assert (await served.ask("GET", "/boards", headers={})).text == "Invalid path or request\n"


async def test_one_of_its_routes_needs_no_token() -> None:
    assert (await serve().ask("GET", "/board/about", headers={})).json() == {"most": 10}


async def test_it_has_a_way_of_its_own_to_sign_in() -> None:
    refused = await serve().ask("GET", "/board/notices/", headers={"X-Password": "guessed"})
    assert (refused.status_code, refused.json()) == (401, WRONG)
    assert (await serve().ask("GET", "/board/notices/")).json() == []


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/board/nothing/here", 404, "InvalidPath"),
        ("GET", "/board", 404, "InvalidPath"),
        ("GET", "/board/secret%0a", 404, "InvalidPath"),
        ("PUT", "/board/notices/", 405, "MethodNotAllowed"),
        ("GET", "/board/notices%2f", 404, "InvalidPath"),
        ("DELETE", "/board/notices/", 401, "AdministratorRequired"),
        ("GET", "/board/sleep/long", 422, "Unparsable"),
        ("GET", "/board/broken", 500, "RuntimeError"),
        ("GET", "/board/sleep/5", 503, "RequestTooSlow"),
        ("GET", "/board/late-ticks/5", 503, "RequestTooSlow"),
    ],
)
async def test_its_error_format_shapes_what_the_gate_refuses(
    method: str, path: str, status: int, error: str
) -> None:
    refused = await serve().ask(method, path)
    assert (refused.status_code, refused.json()["error"]) == (status, error)


async def test_its_error_format_shapes_what_its_routes_raise() -> None:
    served = serve(PIRAGUA_NOTICEBOARD_MOST="1")
    assert (await served.ask("POST", "/board/notices/", content="one")).json() == ["one"]
    full = await served.ask("POST", "/board/notices/", content="two")
    assert (full.status_code, full.json()) == (500, {"error": "OutOfSpace", "says": "the board is full"})


async def test_a_stream_outlives_the_time_of_ordinary_requests() -> None:
    told = await serve().ask("GET", f"/board/ticks/{3 * TIMEOUT_SECONDS}")
    assert (told.status_code, told.text) == (200, "data: first\n\ndata: last\n\n")


async def test_a_route_that_ends_in_a_slash_is_answered_where_it_stands() -> None:
    served = serve()
    written = await served.ask("POST", "/board/notices/", content="one")
    assert (written.status_code, written.json(), written.history) == (200, ["one"], [])
    without = await served.ask("POST", "/board/notices", content="two")
    assert (without.status_code, without.json()["error"]) == (404, "InvalidPath")
    assert (await served.ask("GET", "/board/notices/")).json() == ["one"]


async def test_one_of_its_routes_stays_open_in_read_only_mode() -> None:
    served = serve()
    served.behind.administration.modes.mode = Mode.READ_ONLY
    refused = await served.ask("POST", "/board/notices/", content="one")
    assert (refused.status_code, refused.json()["error"]) == (503, "Maintenance")
    assert (await served.ask("POST", "/board/bell")).json() == "ding"
    assert (await served.ask("GET", "/board/notices/")).json() == []


async def test_the_service_runs_what_it_keeps_running(tmp_path: Path) -> None:
    environment = {**LEAST, "PIRAGUA_MOUNT_ROOT": str(tmp_path), "PIRAGUA_USAGE_INTERVAL": "0"}
    service = Service(Settings.from_environment(environment, registry.front_end_settings()))
    with anyio.fail_after(60):
        async with service.running():
            await module().kept.wait()


async def test_its_routes_know_who_asks() -> None:
    assert (await serve().ask("GET", "/board/secret")).json() == "only for a reader"


async def test_a_path_leads_to_the_route_that_was_guarded() -> None:
    """To the framework a line's end behind the path is nothing; the gate must not take another route for it."""
    assert (await serve().ask("GET", "/board/secret%0a", headers={})).status_code == 401


async def test_a_door_at_the_root_is_there_for_browsers_and_for_nobody_else() -> None:
    browser = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
    opened = await serve().ask("GET", "/", headers=browser)
    assert (opened.status_code, opened.headers["location"]) == (307, "/board/about")
    for accept in ("*/*", "application/json", "text/htmlx"):
        closed = await serve().ask("GET", "/", headers={"Accept": accept})
        assert (closed.status_code, closed.text) == (404, "Invalid path or request\n"), accept


async def test_an_open_stream_ends_when_the_service_stops() -> None:
    """As if it were complete; `serve` stops it as it stops itself."""
    streams = Streams()
    served = serve(streams=streams)
    async with anyio.create_task_group() as group:
        told: list[httpx.Response] = []

        async def listen() -> None:
            told.append(await served.ask("GET", "/board/ticks/3600"))

        group.start_soon(listen)
        with anyio.fail_after(30):
            await module().ticking.wait()
        streams.stop()
    assert (told[0].status_code, told[0].text) == (200, "data: first\n\n")


def test_its_setting_is_read_and_checked_like_ours() -> None:
    with pytest.raises(ConfigError, match=r"^PIRAGUA_NOTICEBOARD_MOST must be a whole number"):
        serve(PIRAGUA_NOTICEBOARD_MOST="many")
    with pytest.raises(ConfigError, match=r"^PIRAGUA_NOTICEBOARD_LEAST is not a setting; \w+_MOST is\.$"):
        serve(PIRAGUA_NOTICEBOARD_LEAST="1")


def test_the_program_serves_it_too_and_does_not_wait_for_its_streams(sitecustomize: dict[str, str]) -> None:
    port = free_port()
    environment = {**sitecustomize, "PIRAGUA_PORT": str(port), "PIRAGUA_NOTICEBOARD_MOST": "3"}
    argv = [sys.executable, "-m", "piragua", "serve"]
    url = f"http://127.0.0.1:{port}/board"
    with subprocess.Popen(argv, env=environment, stderr=subprocess.PIPE, text=True) as program:
        try:
            wait_until(lambda: answers(f"{url}/about"), "it serves", 60)
            assert httpx.get(f"{url}/about").json() == {"most": 3}
            with httpx.stream("GET", f"{url}/ticks/3600", headers=PASSWORD, timeout=25) as told:
                lines = told.iter_lines()
                assert next(lines) == "data: first"
                program.send_signal(signal.SIGTERM)
                assert "".join(lines) == ""
            _, log = program.communicate(timeout=60)
        finally:
            program.kill()
    assert program.returncode == 0
    assert "Traceback" not in log


def test_its_wrong_setting_ends_the_start(sitecustomize: dict[str, str]) -> None:
    environment = {**sitecustomize, "PIRAGUA_NOTICEBOARD_MOST": "none"}
    argv = [sys.executable, "-m", "piragua", "serve"]
    ended = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 3
    assert ended.stderr.startswith("piragua: PIRAGUA_NOTICEBOARD_MOST must be a whole number")


def test_what_does_not_go_together_is_refused() -> None:
    front_end = serve().front_ends[-1]
    with pytest.raises(ValueError, match="do not lie below /other"):
        replace(front_end, space=replace(cast(PathSpace, front_end.space), prefix="/other"))
    with pytest.raises(ValueError, match="describes itself"):
        replace(front_end, about="A board")
    core = serve().behind.core()
    with pytest.raises(ValueError, match="is there twice"):
        application(core, [replace(front_end, space=None), front_end])
    mounted = APIRouter(routes=[Mount("/files", app=serve().app)])
    with pytest.raises(ValueError, match="no route that the gate knows"):
        application(core, [RealFrontEnd([mounted])])


def test_every_folder_of_a_front_end_is_in_the_list() -> None:
    folders = {path.parent.name for path in (CHECKOUT / "piragua/frontends").glob("*/front_end.py")}
    assert folders == set(registry.FRONT_ENDS) - {NAME}
