"""Ids and names that were made to lead elsewhere, sent as bytes over a socket to a real instance."""

import json
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from piragua.models import dashed
from tests.support.by_hand import ByHand
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume

NO_KEYS: dict[str, str | None] = {
    "PIRAGUA_ADMIN_KEY": None,
    "PIRAGUA_USER_KEY": None,
    "PIRAGUA_DISABLE_AUTH": "true",
}
IDS = [
    b"..",
    b"../..",
    b"../../../../etc/passwd",
    b"%2e%2e",
    b"%2e%2e%2f%2e%2e%2fetc",
    b"..%2f..%2fvictim",
    b"victim",
    b".piragua",
    b".piragua%2fnames",
    b"%00",
    b"0123456789abcdef0123456789abcde%00",
    b"0123456789abcdef0123456789abcdef%00",
    b"0123456789abcdef0123456789abcdef%0a",
    b"0123456789abcdef0123456789abcdef%2f..",
    b"0123456789ABCDEF0123456789ABCDEF",
    b"%ff%fe",
    b"\xff\xfe",
    b"a" * 300,
    b"a" * 5000,
    b"%c0%ae%c0%ae",
    b"*",
]
NAMES = [
    "..",
    ".",
    "../victim",
    "/etc/passwd",
    "a/b",
    "a\0b",
    "\0",
    "x" * 300,
    ".piragua",
    "%2e%2e",
    "a\nb",
    " ",
    "\ud800",
    "é",
]


@pytest.fixture(scope="module")
def instance(volume: GlusterVolume) -> Instance:
    return volume.start_instance(settings=NO_KEYS)


@pytest.fixture(scope="module")
def folder(volume: GlusterVolume, instance: Instance) -> Path:
    folder = volume.mount()
    (folder / "victim").mkdir()
    (folder / "victim" / "file").write_text("kept")
    return folder


def send(instance: Instance, method: bytes, target: bytes, body: bytes = b"") -> tuple[int, bytes]:
    """One request, byte for byte; status and body of the answer."""
    address = urlsplit(instance.url)
    with socket.create_connection((str(address.hostname), int(address.port or 80)), timeout=30) as connection:
        head = b"%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % (method, target, len(body)) + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    first, _, rest = answer.partition(b"\r\n")
    return int(first.split()[1]), rest.partition(b"\r\n\r\n")[2]


def tree(folder: Path) -> list[str]:
    """All there is but Piragua's own files."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if ".piragua" not in str(path.relative_to(folder))
    )


@pytest.mark.parametrize("hostile", IDS)
def test_an_id_leads_nowhere_else(hostile: bytes, instance: Instance, folder: Path, hand: ByHand) -> None:
    before = tree(folder)
    for method, target, body in [
        (b"GET", b"/volumes/%s", b""),
        (b"DELETE", b"/volumes/%s", b""),
        (b"POST", b"/volumes/%s/expand", b'{"expand_size": 1}'),
        (b"GET", b"/queue/%s", b""),
        (b"GET", b"/nodes/%s", b""),
        (b"GET", b"/clusters/%s", b""),
        (b"GET", b"/volumes/%s/x/y", b""),
        (b"DELETE", b"/volumes/gv0/%s/y", b""),
        (b"DELETE", b"/volumes/gv0/00000000-0000-4000-8000-000000000000/%s", b""),
    ]:
        status, text = send(instance, method, target % hostile, body)
        assert 400 <= status < 500, (method, target, text)
    assert tree(folder) == before
    assert instance.health() == 200


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_a_new_volume_leads_nowhere_else(name: str, instance: Instance, folder: Path) -> None:
    before = tree(folder)
    for body in (json.dumps({"size": 1, "name": name}), json.dumps({"size": 1, "name": name}, ensure_ascii=False)):
        status, text = send(instance, b"POST", b"/volumes", body.encode(errors="surrogatepass"))
        assert status in (400, 422), text
    assert tree(folder) == before


def test_the_name_in_the_originals_path_must_be_the_volumes_own(
    instance: Instance, volume: GlusterVolume, hand: ByHand
) -> None:
    volume_id, other = (hand.tell(hand.volume_with(files=1)) for _ in range(2))
    path = f"/volumes/{volume.name}/{dashed(volume_id)}/"
    for name in ("..", "../..", f"../{dashed(other)}", f"vol_{other}", "vol_", "%2e%2e", "."):
        status, _ = send(instance, b"DELETE", (path + name).encode())
        assert 400 <= status < 500
    for each in (volume_id, other):
        assert send(instance, b"GET", f"/volumes/{each}".encode())[0] == 200
        assert (hand.data_path(each) / "file0").read_text() == "kept"


def test_a_link_in_the_place_of_a_volume_leads_nowhere(
    instance: Instance, folder: Path, hand: ByHand, tmp_path: Path
) -> None:
    (tmp_path / "inside").mkdir()
    volume_id = "ab" * 16
    os.symlink(tmp_path, folder / dashed(volume_id))
    for method, target in ((b"GET", b"/volumes/%s"), (b"DELETE", b"/volumes/%s")):
        status, text = send(instance, method, target % volume_id.encode())
        assert status == 503, text
    assert (tmp_path / "inside").exists()
    (folder / dashed(volume_id)).unlink()
