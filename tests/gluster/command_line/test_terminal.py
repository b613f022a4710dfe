"""The command line as a person sees it: in a terminal, with tables, bars and questions, and Ctrl-C at any time."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.machine import wait_until
from piragua.models import dashed
from tests.support.behind import quota_lock_held
from tests.support.calls import go_client
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume
from tests.support.terminal import Terminal

FILES = 20
CTRL_C = "\x03"
ARROW_UP = "\x1b[A"


def new(instance: Instance, name: str) -> str:
    """The id of a new volume of 1 GiB."""
    return str(go_client(instance).create({"size": 1, "name": name})["id"])


def ids(instance: Instance) -> list[str]:
    return list(go_client(instance).list())


@pytest.fixture(scope="module")
def whole(volume: GlusterVolume, instance: Instance) -> Path:
    """A mount of it all, with a volume `source` that can be cloned."""
    mount = volume.mount()
    data = mount / dashed(new(instance, "source")) / "source"
    for number in range(FILES):
        (data / f"{number}").touch()
    return mount


def test_a_list_is_a_table_that_fits(settings: Mapping[str, str], instance: Instance) -> None:
    volume_id = new(instance, "tabled")
    for columns in (60, 100, 200):
        with Terminal("volume", "list", settings=settings, size=(40, columns)) as terminal:
            assert terminal.end() == 0
        assert "\x1b[1m" in terminal.raw, "heads are bold"
        assert max(len(line.rstrip()) for line in terminal.shown.splitlines()) <= columns
        assert volume_id not in terminal.shown.replace(" ", ""), "people get by with its beginning"
    assert f"{volume_id[:12]}  tabled" in terminal.shown


def test_what_a_table_shows_of_an_id_is_enough_to_mean_it(settings: Mapping[str, str], instance: Instance) -> None:
    volume_id = new(instance, "meant")
    with Terminal("volume", "show", volume_id[:12], settings=settings) as terminal:
        assert terminal.end() == 0
    assert volume_id in terminal.shown


def test_usage_has_bars(settings: Mapping[str, str], instance: Instance, volume: GlusterVolume) -> None:
    volume_id = new(instance, "half")
    data = volume.mount() / dashed(volume_id) / "half"
    (data / "file").write_bytes(bytes(512 * 2**20))

    def is_counted() -> bool:
        with Terminal("usage", "--name", "half", settings=settings) as terminal:
            assert terminal.end() == 0
            return "━" * 10 in terminal.shown and " 50 %" in terminal.shown

    wait_until(is_counted, "what was written is counted", 120)


@pytest.mark.parametrize(("typed", "status"), [("n\n", 1), ("\n", 1), (CTRL_C, 130), ("\x04", 1)])
def test_what_is_not_confirmed_is_not_deleted(
    typed: str, status: int, settings: Mapping[str, str], instance: Instance
) -> None:
    volume_id = new(instance, f"asked_about_{status}_{len(ids(instance))}")
    with Terminal("volume", "delete", volume_id[:12], settings=settings) as terminal:
        terminal.until("Delete 1 volume? [y/N]")
        assert volume_id[:12] in terminal.shown
        terminal.type(typed)
        assert terminal.end() == status
    assert volume_id in ids(instance)


def test_what_is_confirmed_is_deleted(settings: Mapping[str, str], instance: Instance) -> None:
    volume_id = new(instance, "given_up")
    with Terminal("volume", "delete", "given_up", settings=settings) as terminal:
        terminal.until("Delete 1 volume? [y/N]")
        terminal.type("y\n")
        assert terminal.end() == 0
    assert terminal.shown.endswith(f"deleted {volume_id}: given_up\n")
    assert volume_id not in ids(instance)


def test_a_clone_shows_a_bar_until_it_is_there(
    whole: Path, settings: Mapping[str, str], instance: Instance
) -> None:
    with Terminal("volume", "clone", "source", "--name", "copied", settings=settings) as terminal:
        with quota_lock_held(whole):  # it cannot come to its end
            terminal.until("cloning volume source")
            terminal.until("━")
        assert terminal.end() == 0
        assert terminal.is_as_before()
    said = terminal.shown.splitlines()[-1]
    assert said.endswith(": copied, 1 GiB")


def test_ctrl_c_in_the_middle_of_a_clone_breaks_nothing(
    whole: Path, settings: Mapping[str, str], instance: Instance
) -> None:
    before = set(ids(instance))
    cloning = Terminal("volume", "clone", "source", "--name", "left_alone", settings=settings)
    with quota_lock_held(whole), cloning as terminal:  # it cannot come to its end
        terminal.until("cloning volume")
        with Terminal("operations", settings=settings) as looking:
            assert looking.end() == 0
        assert "clone" in looking.shown
        assert set(ids(instance)) == before, "it is in the middle"
        terminal.type(CTRL_C)
        assert terminal.end() == 130
        assert terminal.is_as_before()
    assert "piragua: interrupted, but the server goes on cloning volume source" in terminal.shown
    assert "Traceback" not in terminal.shown
    wait_until(lambda: len(ids(instance)) == len(before) + 1, "the clone that went on", 60)
    (copy,) = set(ids(instance)) - before
    assert len(list((whole / dashed(copy) / "left_alone").iterdir())) == FILES


@pytest.mark.parametrize("leaves", ["q", f"{ARROW_UP}q", CTRL_C])
def test_top_refreshes_in_place_until_it_is_left(
    leaves: str, settings: Mapping[str, str], instance: Instance
) -> None:
    with Terminal("top", "--interval", "0.2", settings=settings) as terminal:
        terminal.until("PER SECOND")
        terminal.until("nothing is being done")
        terminal.until_shown_again("PER SECOND", 3)
        terminal.type(leaves)
        assert terminal.end() == 0
        assert terminal.is_as_before()
    assert "\x1b[?1049h" in terminal.raw
    assert "\x1b[?1049l" in terminal.raw, "what was on the terminal before is back"
    assert "Traceback" not in terminal.shown


def test_top_waits_for_a_server_that_is_away(settings: Mapping[str, str], volume: GlusterVolume) -> None:
    other = volume.start_instance()
    with Terminal("top", "--interval", "0.2", settings={**settings, "PIRAGUA_SERVER": other.url}) as terminal:
        terminal.until("PER SECOND")
        other.terminate()
        terminal.until("no answer: ")
        terminal.type("q")
        assert terminal.end() == 0
        assert terminal.is_as_before()
