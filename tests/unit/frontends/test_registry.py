"""A front-end is a folder and a line: one from a temporary folder has everything that ours have."""

import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from piragua import frontends
from piragua.config import ConfigError, Settings
from piragua.frontends import registry
from piragua.frontends.application import application
from piragua.frontends.front_end import FrontEnd as RealFrontEnd
from piragua.models import Mode
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


def serve(**environment: str) -> Served:
    behind = FrontEnd()
    settings = Settings.from_environment({**LEAST, **environment}, registry.front_end_settings())
    core = replace(behind.core(), inventories={}, usages={})
    front_ends = registry.front_ends(core, settings)
    return Served(behind, front_ends, application(core, front_ends, request_timeout_seconds=TIMEOUT_SECONDS))


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
        ("GET", "/board/nothing", 404, "InvalidPath"),
        ("GET", "/board", 404, "InvalidPath"),
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


async def test_what_it_keeps_running_is_known_to_the_service() -> None:
    (keep,) = serve().front_ends[-1].keeps
    assert keep.__name__ == "_keep"


def test_its_setting_is_read_and_checked_like_ours() -> None:
    with pytest.raises(ConfigError, match=r"^PIRAGUA_NOTICEBOARD_MOST must be a whole number"):
        serve(PIRAGUA_NOTICEBOARD_MOST="many")
    with pytest.raises(ConfigError, match=r"^PIRAGUA_NOTICEBOARD_LEAST is not a setting; \w+_MOST is\.$"):
        serve(PIRAGUA_NOTICEBOARD_LEAST="1")


def test_the_program_serves_it_too(folder: Path, tmp_path: Path) -> None:
    """With the registry's line added when Python starts: no file of ours is touched."""
    (tmp_path / "sitecustomize.py").write_text(
        "from piragua import frontends\n"
        "from piragua.frontends import registry\n"
        f"frontends.__path__.append({str(folder)!r})\n"
        f"registry.FRONT_ENDS += ({NAME!r},)\n"
    )
    environment = {
        **LEAST,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(CHECKOUT)]),
        "PIRAGUA_MOUNT_ROOT": str(tmp_path / "mounts"),
        "PIRAGUA_NOTICEBOARD_MOST": "none",
    }
    argv = [sys.executable, "-m", "piragua", "serve"]
    ended = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 3
    assert ended.stderr.startswith("piragua: PIRAGUA_NOTICEBOARD_MOST must be a whole number")


def test_every_folder_of_a_front_end_is_in_the_list() -> None:
    folders = {path.parent.name for path in (CHECKOUT / "piragua/frontends").glob("*/front_end.py")}
    assert folders == set(registry.FRONT_ENDS) - {NAME}
