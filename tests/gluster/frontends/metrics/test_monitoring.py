"""Metrics as Prometheus gets them: a real one scrapes a real instance; rules and panels find what they name."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from lab.machine import wait_until
from piragua.models import BYTES_PER_GIB
from tests.support.calls import ask, go_client
from tests.support.instance import CHECKOUT, Instance
from tests.support.pool import GlusterVolume

MONITORING = CHECKOUT / "packaging/monitoring"
PORT = 9090
_NAME = re.compile(r"\b(?:heketi|piragua)_[a-zA-Z_]+\b")
_NO_CLAIM = "team-a_data_3f0b0c7a-6b3f-4dd8-9f31-0f4f3a5f1f1e"


@pytest.fixture(scope="module")
def instance(volume: GlusterVolume) -> Instance:
    return volume.start_instance(settings={"PIRAGUA_USAGE_INTERVAL": "1s"})


def scraped(instance: Instance) -> str:
    return httpx.get(f"{instance.url}/metrics", trust_env=False).text


def values(instance: Instance) -> dict[str, float]:
    """By what stands before them."""
    lines = [line.rsplit(" ", 1) for line in scraped(instance).splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def total(found: dict[str, float], beginning: str) -> float:
    return sum(value for name, value in found.items() if name.startswith(beginning))


@contextmanager
def prometheus(instance: Instance, folder: Path) -> Iterator[None]:
    """The server, with the rules and the configuration that are delivered, but this one target."""
    shutil.copy(MONITORING / "piragua-alerts.yml", folder)
    settings = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    settings["global"]["scrape_interval"] = "1s"
    settings["global"]["evaluation_interval"] = "1s"
    (job,) = settings["scrape_configs"]
    job["static_configs"] = [{"targets": [instance.url.removeprefix("http://")]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    options = [
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{PORT}",
    ]
    process = subprocess.Popen(["prometheus", *options], stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def asked(path: str, **parameters: str) -> Any:
    """What Prometheus says; None while it does not answer."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{PORT}/api/v1/{path}", params=parameters, trust_env=False)
    except httpx.TransportError:
        return None
    return answer.json()["data"] if answer.status_code == 200 else None


def found_by(query: str) -> list[Any]:
    told = asked("query", query=query)
    return [] if told is None else list(told["result"])


def panel_queries() -> list[str]:
    """Those of the dashboard, as Grafana sends them for all clusters and instances."""
    board = json.loads((MONITORING / "grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    chosen = {"$cluster": ".*", "$instance": ".*", "$__rate_interval": "1m"}
    return [re.sub("[$][a-z_]+", lambda name: chosen[name[0]], query) for query in queries]


def test_a_real_prometheus_scrapes_it_and_has_no_alert_for_what_is_well(
    instance: Instance, tmp_path: Path
) -> None:
    made = go_client(instance).create({"size": 2})
    with prometheus(instance, tmp_path):
        wait_until(
            lambda: found_by(f'piragua_volume_size_bytes{{id="{made["id"]}"}}') != [], "the volume's size", 60
        )
        (size,) = found_by(f'piragua_volume_size_bytes{{id="{made["id"]}"}}')
        assert float(size["value"][1]) == 2 * BYTES_PER_GIB
        (up,) = found_by('up{job="piragua"}')
        assert up["value"][1] == "1"
        seen = set(asked("label/__name__/values"))
        assert {re.split("[{ ]", name)[0] for name in values(instance)} - seen == set()

        def evaluated() -> bool:
            rules = [rule for group in asked("rules")["groups"] for rule in group["rules"]]
            return all(rule["health"] == "ok" for rule in rules)

        wait_until(evaluated, "an evaluation of every rule", 60)
        assert [query for query in panel_queries() if asked("query", query=query) is None] == []
        (group,) = asked("rules")["groups"]
        assert {rule["name"]: rule["state"] for rule in group["rules"] if rule["state"] != "inactive"} == {}


def test_promtool_finds_nothing_wrong_with_what_is_piraguas_own(instance: Instance) -> None:
    text = scraped(instance)
    own = "".join(line for line in text.splitlines(keepends=True) if "heketi_" not in line)
    subprocess.run(["promtool", "check", "metrics"], input=own, text=True, check=True)
    all_of_it = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
    assert all(line.startswith("heketi_") for line in (all_of_it.stdout + all_of_it.stderr).splitlines())


def test_the_rules_are_sound_and_each_alert_is_tried(instance: Instance) -> None:
    for command in (["check", "rules", "piragua-alerts.yml"], ["test", "rules", "piragua-alerts-test.yml"]):
        subprocess.run(["promtool", *command], cwd=MONITORING, check=True)
    subprocess.run(["promtool", "check", "config", "prometheus.yml"], cwd=MONITORING, check=True)
    (group,) = yaml.safe_load((MONITORING / "piragua-alerts.yml").read_text())["groups"]
    tests = yaml.safe_load((MONITORING / "piragua-alerts-test.yml").read_text())["tests"]
    tried = {each["alertname"] for test in tests for each in test["alert_rule_test"] if each.get("exp_alerts")}
    assert tried == {rule["alert"] for rule in group["rules"]}


@pytest.mark.parametrize("file", ["piragua-alerts.yml", "grafana-dashboard.json"])
def test_whatever_a_rule_or_a_panel_asks_for_is_told(instance: Instance, file: str) -> None:
    made = go_client(instance).create({"size": 1})
    go_client(instance).delete(made["id"])
    named = set(_NAME.findall((MONITORING / file).read_text()))
    kept_apart = {"piragua_certificate_expiry_timestamp_seconds", "piragua_volume_info"}  # only with a setting
    wait_until(lambda: "piragua_volumes_without_limit" in scraped(instance), "the usage", 30)
    lines = scraped(instance).splitlines()
    told = {line.split()[2] for line in lines if line.startswith("# TYPE")}  # also while there is no sample of it
    told |= {re.split("[{ ]", line)[0] for line in lines}
    assert named - told - kept_apart == set()


def test_the_dashboard_is_whole() -> None:
    board = json.loads((MONITORING / "grafana-dashboard.json").read_text())
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all(panel["title"] and panel["targets"] and panel["description"] for panel in panels)
    backends = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(backends)) == len(backends)


def test_what_is_done_is_counted_and_told_by_status_too(instance: Instance) -> None:
    client = go_client(instance)
    before, status_before = values(instance), ask(instance, "GET", "/piragua/v1/status").json()
    made = client.create({"size": 1})
    client.delete(made["id"])
    ask(instance, "GET", f"/volumes/{'0' * 32}")
    for path in ("/nowhere", "/volumes/zzz", f"/a/{made['id']}"):
        ask(instance, "GET", path)
    httpx.request("FROBNICATE", f"{instance.url}/volumes", trust_env=False)
    after, status = values(instance), ask(instance, "GET", "/piragua/v1/status").json()

    def more(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    requests = "piragua_http_requests_total"
    assert more(f'{requests}{{method="POST",route="/volumes",status="202"}}') == 1
    assert more(f'{requests}{{method="DELETE",route="/volumes/{{volume_id}}",status="202"}}') == 1
    assert more(f'{requests}{{method="GET",route="/volumes/{{volume_id}}",status="404"}}') == 1
    assert more(f'{requests}{{method="GET",route="none",status="404"}}') == 3
    assert more(f'{requests}{{method="other",route="/volumes",status="401"}}') == 1
    assert not any(made["id"] in name for name in after if name.startswith("piragua_http")), (
        "no path of a client's"
    )
    for kind in ("create", "delete"):
        assert more(f'piragua_operations_total{{kind="{kind}",outcome="succeeded"}}') == 1
        assert more(f'piragua_operation_duration_seconds_count{{kind="{kind}"}}') == 1
        assert status["operations"][kind] == {
            "succeeded": after[f'piragua_operations_total{{kind="{kind}",outcome="succeeded"}}'],
            "failed": 0,
        }
    assert more('piragua_gluster_commands_total{command="volume quota limit-usage",outcome="ok"}') >= 1
    assert more("piragua_gluster_command_wait_seconds_count") >= 1
    assert status["requests"]["total"] >= status_before["requests"]["total"] + 8
    assert status["gluster_commands"]["total"] > status_before["gluster_commands"]["total"]
    assert status["uptime_seconds"] >= status_before["uptime_seconds"] > 0
    assert datetime.fromisoformat(status["started"]) < datetime.now(UTC)
    assert status["mounts"] == [
        {"gluster_volume": instance.environment["PIRAGUA_VOLUMES"], "state": "mounted", "stuck_threads": 0}
    ]
    assert status["queue"].keys() == {"running", "waiting", "oldest_wait_seconds"}
    assert status["purge"]["state"] == "running"
    assert ask(instance, "GET", "/piragua/v1/status", user="user").status_code == 401


def test_what_is_purged_is_counted(instance: Instance, volume: GlusterVolume) -> None:
    client = go_client(instance)
    made = client.create({"size": 1})
    path = volume.deep_mount(made["name"])
    for number in range(5):
        (path / str(number)).write_text("x")
    name = f'{{gluster_volume="{volume.name}"}}'
    before = values(instance)
    client.delete(made["id"])

    def is_counted() -> bool:
        now = values(instance)
        return (
            now["piragua_purge_volumes_purged_total" + name] > before["piragua_purge_volumes_purged_total" + name]
        )

    wait_until(is_counted, "the purge in the metrics", 60)
    entries = "piragua_purge_entries_removed_total" + name
    assert values(instance)[entries] >= before[entries] + 5
    assert ask(instance, "GET", "/piragua/v1/status").json()["purge"]["entries_removed"] >= 5


def test_quota_that_is_off_is_not_well_though_all_can_be_read(fresh_volume: GlusterVolume) -> None:
    instance = fresh_volume.start_instance(settings={"PIRAGUA_USAGE_INTERVAL": "1s"})
    go_client(instance).create({"size": 1})
    wait_until(lambda: values(instance)["piragua_healthy"] == 1, "a gathering that is well", 60)
    fresh_volume.pool.nodes[0].gluster("volume", "quota", fresh_volume.name, "disable")
    wait_until(lambda: values(instance)["piragua_healthy"] == 0, "what is not well in the metrics", 60)
    assert values(instance)["heketi_up"] == 1
    assert ask(instance, "GET", "/health").status_code == 503


def test_names_are_told_only_where_that_was_set(volume: GlusterVolume, instance: Instance) -> None:
    made = ask(instance, "POST", "/volumes", {"size": 1, "name": f"kube_{_NO_CLAIM}"})
    assert made.status_code == 202
    single = {"PIRAGUA_USAGE_INTERVAL": "1s", "PIRAGUA_METRICS_NAMES": "true"}
    with_names = volume.start_instance(settings=single)
    wait_until(lambda: "team-a" in scraped(with_names), "the claim", 60)
    (line,) = [each for each in scraped(with_names).splitlines() if "team-a" in each]
    assert f'name="kube_{_NO_CLAIM}",namespace="team-a",claim="data"' in line
    wait_until(lambda: "piragua_volume_used_bytes{" in scraped(instance), "the usage", 60)
    assert "team-a" not in scraped(instance)


def test_above_the_number_that_is_set_only_sums_are_told(volume: GlusterVolume, instance: Instance) -> None:
    go_client(instance).create({"size": 1})
    settings = {"PIRAGUA_USAGE_INTERVAL": "1s", "PIRAGUA_METRICS_VOLUMES": "0"}
    with_sums = volume.start_instance(settings=settings)
    wait_until(lambda: "piragua_volumes_without_limit{" in scraped(with_sums), "the sums", 60)
    text = scraped(with_sums)
    assert "piragua_volumes_told_singly 0" in text
    assert "piragua_volume_used_bytes" not in text
