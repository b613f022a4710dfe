"""An administrator's own commands while Piragua is busy."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from lab.machine import wait_until
from tests.support.calls import go_client
from tests.support.pool import GlusterVolume

CLIENTS = 8
COMMANDS = 3


def test_a_command_gets_through_in_a_stream_of_creates(fresh_volume: GlusterVolume) -> None:
    """glusterd refuses it while one of Piragua's runs, so Piragua leaves a gap for who tries again."""
    instance = fresh_volume.start_instance()
    node = fresh_volume.pool.nodes[0]
    over = Event()

    def create() -> int:
        client, made = go_client(instance), 0
        while not over.is_set():
            client.create({"size": 1})
            made += 1
        return made

    def gets_through() -> bool:
        time.sleep(1)  # as an administrator does, or a script
        argv = ["gluster", "--mode=script", "volume", "set", fresh_volume.name, "user.test", "1"]
        return "success" in node.run(argv, check=False)

    with ThreadPoolExecutor(CLIENTS) as threads:
        clients = [threads.submit(create) for _ in range(CLIENTS)]
        try:
            for _ in range(COMMANDS):
                wait_until(gets_through, "an administrator's command", 20)
        finally:
            over.set()
        assert all(client.result() > 0 for client in clients)
