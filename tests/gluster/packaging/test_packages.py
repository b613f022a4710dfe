"""The deb and the rpm as an administrator uses them: built, looked at, installed, upgraded, removed."""

import base64
import json
import os
import re
import shutil
import ssl
import subprocess
import threading
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from lab.deep_mount import deep_mounted
from lab.machine import wait_until
from piragua import __version__
from tests.support.booted import ADDRESS, BASE, Booted
from tests.support.heketi_clients.strict_go import HeketiError, StrictGoClient
from tests.support.instance import CHECKOUT

pytestmark = pytest.mark.packages

KEY = "key of the administrator, longer than the 32 bytes that some clients want"
URL = "http://127.0.0.1:8080"
SECURE_URL = "https://127.0.0.1:8080"
MEBIBYTE = 2**20
DEB, RPM = f"piragua_{__version__}_amd64.deb", f"piragua-{__version__}-1.x86_64.rpm"
HIGHER = "1.99.0"
ERROR = "3"
"""The journal's priority err, from syslog(3)."""
SOURCES = ("CHANGELOG.md", "LICENSE-APACHE", "LICENSE-GPL", "README.md", "environment.example", "pyproject.toml")
FOLDERS = ("docs", "packaging", "piragua", "systemd")
SEEN_BY_SYSTEMD = "systemd-run --quiet --pipe --wait --property=EnvironmentFile=/etc/piragua/environment"
INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get install --yes"


def output(argv: Sequence[str | Path], **environment: str) -> str:
    """What it prints; what it says when it fails is shown."""
    done = subprocess.run(
        [str(word) for word in argv],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, f"{argv}: exit status {done.returncode}\n{done.stdout}"
    return done.stdout


def copy_of_the_sources(folder: Path) -> Path:
    """A clone without history and without anything that was made here but the fetched wheels."""
    for name in FOLDERS:
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(CHECKOUT / name, folder / name)
    shutil.copytree(CHECKOUT / "dist/wheels", folder / "dist/wheels")
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two folders with both packages, built at once, in different places and from files with different times."""
    copies = [copy_of_the_sources(tmp_path_factory.mktemp("sources")) for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        environment = {"SOURCE_DATE_EPOCH": "1750000000"}
        list(pool.map(lambda copy: output([copy / "packaging/build"], **environment), copies))
    return copies[0] / "dist", copies[1] / "dist"


@pytest.fixture(scope="module")
def deb(built: tuple[Path, Path]) -> Path:
    return built[0] / DEB


@pytest.fixture(scope="module")
def rpm(built: tuple[Path, Path]) -> Path:
    return built[0] / RPM


@pytest.fixture(scope="module")
def higher_deb(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same package with a higher version."""
    folder = tmp_path_factory.mktemp("higher")
    output(["dpkg-deb", "--raw-extract", deb, folder / "tree"])
    for file in ("DEBIAN/control", "usr/lib/piragua/piragua/__init__.py"):
        path = folder / "tree" / file
        path.write_text(path.read_text().replace(__version__, HIGHER))
    return packed(folder / "tree", folder / f"piragua_{HIGHER}_amd64.deb")


def packed(tree: Path, deb: Path) -> Path:
    output(["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, deb])
    return deb


# What is built


def test_two_builds_are_the_same_bytes(built: tuple[Path, Path]) -> None:
    for name in (DEB, RPM):
        first, second = (folder / name for folder in built)
        assert first.read_bytes() == second.read_bytes(), name


def test_lintian_and_rpmlint_find_no_error(deb: Path, rpm: Path) -> None:
    output(["lintian", "--allow-root", "--fail-on", "error", deb])
    told = output(["rpmlint", "--config", CHECKOUT / "packaging/rpm/rpmlint.toml", rpm])
    assert " 0 errors" in told, told
    filters = tomllib.loads((CHECKOUT / "packaging/rpm/rpmlint.toml").read_text())["Filters"]
    silent = [each for each in filters if not re.search(each, output_of_rpmlint(rpm))]
    assert silent == [], "rpmlint does not say that any more"


def output_of_rpmlint(rpm: Path) -> str:
    done = subprocess.run(["rpmlint", str(rpm)], capture_output=True, text=True, check=False, timeout=120)
    return done.stdout


def test_both_packages_hold_the_same(deb: Path, rpm: Path, tmp_path: Path) -> None:
    output(["dpkg-deb", "--extract", deb, tmp_path / "deb"])
    (tmp_path / "rpm").mkdir()
    output(["sh", "-c", f"cd {tmp_path}/rpm && rpm2cpio {rpm} | cpio --quiet -id"])
    # The unit has another place; Debian wants a changelog of its own form; the settings dpkg does not see.
    only = {"lib/systemd/system/piragua.service", "usr/share/doc/piragua/changelog.gz"}
    other = {"usr/lib/systemd/system/piragua.service", "etc/piragua/environment"}
    of_deb, of_rpm = contents(tmp_path / "deb"), contents(tmp_path / "rpm")
    assert of_deb.keys() - of_rpm.keys() == only
    assert of_rpm.keys() - of_deb.keys() == other
    assert [name for name in of_deb.keys() & of_rpm.keys() if of_deb[name] != of_rpm[name]] == []
    unit = "systemd/system/piragua.service"
    assert (
        of_deb[f"lib/{unit}"] == of_rpm[f"usr/lib/{unit}"] == (CHECKOUT / "systemd/piragua.service").read_bytes()
    )
    for minor in (11, 12, 13):
        compiled = f"usr/lib/piragua/pydantic_core/_pydantic_core.cpython-3{minor}-x86_64-linux-gnu.so"
        assert compiled in of_deb


def contents(root: Path) -> dict[str, bytes]:
    """Every file below root; of a link, where it leads."""
    return {
        str(path.relative_to(root)): os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        for path in root.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_what_the_rpm_says_of_itself(rpm: Path) -> None:
    needs = output(["rpm", "-qp", "--requires", rpm]).splitlines()
    assert "(python(abi) = 3.11 or python(abi) = 3.12 or python(abi) = 3.13)" in needs
    assert {"glusterfs-fuse >= 3.12", "glusterfs-cli >= 3.12"} <= set(needs)
    assert [each for each in needs if "python3dist" in each or each.startswith("pydantic")] == []
    provides = output(["rpm", "-qp", "--provides", rpm]).splitlines()
    assert all(each.startswith("piragua") for each in provides), provides
    listed = output(["rpm", "-qp", "--list", "--verbose", rpm])
    assert re.search(r"^-rw-r----- .* root +root .* /etc/piragua/environment$", listed, re.MULTILINE)
    assert re.search(r" /usr/sbin/piragua -> \.\./bin/piragua$", listed, re.MULTILINE)
    assert output(["rpm", "-qp", "--configfiles", rpm]).split() == ["/etc/piragua/environment"]
    assert "enable" not in output(["rpm", "-qp", "--scripts", rpm]).replace("systemctl enable --now", "")
    assert f"- {__version__}-1" in output(["rpm", "-qp", "--changelog", rpm])


# The rpm, in a Debian's files


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A Debian's files, not running."""
    for name in ("upper", "work", "root"):
        (tmp_path / name).mkdir()
    layers = f"lowerdir={BASE},upperdir={tmp_path}/upper,workdir={tmp_path}/work"
    output(["mount", "-t", "overlay", "-o", layers, "overlay", tmp_path / "root"])
    yield tmp_path / "root"
    output(["umount", "--lazy", tmp_path / "root"])


def test_the_rpm_is_installed_runs_is_installed_again_and_removed(root: Path, rpm: Path) -> None:
    # --nodeps: what a Debian has, rpm does not know there.
    shutil.copy(rpm, root / "root")
    install = ["rpm", "--root", str(root), "--nodeps"]
    assert "does not run yet" in output([*install, "--install", rpm])
    settings = root / "etc/piragua/environment"
    assert settings.stat().st_mode & 0o7777 == 0o640
    assert output(["chroot", root, "/usr/sbin/piragua", "--version"]) == f"piragua, version {__version__}\n"
    refused = subprocess.run(
        ["chroot", str(root), "piragua", "serve"], capture_output=True, text=True, check=False, timeout=60
    )
    assert refused.returncode == 3
    assert refused.stderr == "piragua: PIRAGUA_VOLUMES must name at least one Gluster volume.\n"
    assert output([*install, "--verify", "piragua"]) == "", "nothing that is installed was changed"
    settings.write_text("PIRAGUA_VOLUMES=gv7\n")
    output([*install, "--upgrade", "--replacepkgs", rpm])
    assert settings.read_text() == "PIRAGUA_VOLUMES=gv7\n"
    output([*install, "--erase", "piragua"])
    assert not (root / "usr/lib/piragua").exists()
    assert settings.with_suffix(".rpmsave").read_text() == "PIRAGUA_VOLUMES=gv7\n"


def test_the_python_is_the_systems_default_or_the_newest_that_it_was_made_for(root: Path, rpm: Path) -> None:
    output(["rpm", "--root", root, "--nodeps", "--install", rpm])
    programs = root / "usr/bin"
    (programs / "python3.13").write_text("#!/bin/sh\necho 'the other one' $*\n")
    (programs / "python3.13").chmod(0o755)
    assert output(["chroot", root, "piragua", "--version"]) == f"piragua, version {__version__}\n"
    (programs / "python3").unlink()
    (programs / "python3").symlink_to("python3.9")  # as EL 9 has it
    assert "the other one -I -S -B /usr/lib/piragua" in output(["chroot", root, "piragua", "--version"])
    for name in ("python3.11", "python3.13"):
        (programs / name).unlink()
    none = subprocess.run(
        ["chroot", str(root), "piragua", "--version"], capture_output=True, text=True, check=False
    )
    assert none.returncode == 3
    assert none.stderr == "piragua: no Python 3.11, 3.12 or 3.13 in /usr/bin.\n"


def test_the_rpm_is_installed_over_the_originals(root: Path, rpm: Path, tmp_path: Path) -> None:
    files = original_files()
    output(["rpm", "--root", root, "--install", small_rpm(tmp_path, "piragua", "0.1", files, "19")])
    settings = root / "etc/piragua/environment"
    settings.write_text(settings.read_text().replace("super_secret", "bXkgb3duIGtleQ=="))
    old = settings.read_text()
    output(["rpm", "--root", root, "--nodeps", "--upgrade", rpm])
    assert settings.read_text() == old
    assert settings.stat().st_mode & 0o7 == 0
    assert "PIRAGUA_VOLUMES" in settings.with_suffix(".rpmnew").read_text()
    assert os.readlink(root / "usr/sbin/piragua") == "../bin/piragua"
    unit = (CHECKOUT / "systemd/piragua.service").read_bytes()
    assert (root / "lib/systemd/system/piragua.service").read_bytes() == unit
    assert output(["rpm", "--root", root, "--query", "piragua"]) == f"piragua-{__version__}-1.x86_64\n"


def small_rpm(folder: Path, name: str, version: str, files: Mapping[str, str], release: str = "1") -> Path:
    """An rpm of those files; what is in /etc are settings, as in the original's."""
    tree = write_files(folder / f"{name}-files", files)
    listed = [f"%config(noreplace) /{file}" if file.startswith("etc/") else f"/{file}" for file in files]
    spec = folder / f"{name}.spec"
    spec.write_text(
        f"Name: {name}\nVersion: {version}\nRelease: {release}\nSummary: for a test\nLicense: Apache-2.0\n"
        "%global __os_install_post %{nil}\nAutoReqProv: no\n%description\nFor a test.\n"
        f"%install\ncp --archive --no-target-directory {tree} %{{buildroot}}\n%files\n" + "\n".join(listed) + "\n"
    )
    places = ["--define", f"_topdir {folder}/{name}-build", "--define", f"_rpmdir {folder}"]
    output(["rpmbuild", "-bb", "--quiet", "--target", "x86_64", *places, spec])
    return folder / f"x86_64/{name}-{version}-{release}.x86_64.rpm"


def write_files(root: Path, files: Mapping[str, str]) -> Path:
    """Files with that content below root; programs can be run."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if "/sbin/" in name or "/bin/" in name:
            path.chmod(0o755)
    return root


def test_a_venv_behind_a_link_is_left_alone(tmp_path: Path) -> None:
    copy, other = tmp_path / "copy", tmp_path / "other"
    other.mkdir()
    (other / "file").touch()
    shutil.copytree(CHECKOUT / "packaging", copy / "packaging")
    (copy / ".venv").symlink_to(other)
    argv = [copy / "packaging/install_dependencies"]
    refused = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode == 1
    assert "is a symbolic link" in refused.stderr
    assert (other / "file").exists()


# The deb, in a Debian that is booted


@pytest.fixture
def booted() -> Iterator[Booted]:
    """A Debian with glusterd and the Gluster volume gv0, prepared as the README says."""
    with Booted() as machine:
        machine.run("systemctl start glusterd && mkdir /brick")
        machine.run(f"gluster --mode=script volume create gv0 {ADDRESS}:/brick/gv0 force")
        machine.run("gluster volume start gv0 && gluster volume quota gv0 enable")
        machine.run("gluster volume quota gv0 soft-timeout 0 && gluster volume quota gv0 hard-timeout 0")
        machine.run("gluster volume set gv0 cluster.use-anonymous-inode off")
        yield machine
        machine.ask("systemctl stop piragua")


def install(machine: Booted, deb: Path, *options: str) -> str:
    [path] = machine.put([deb])
    return machine.run(f"{INSTALL} {' '.join(options)} {path}")


def configure(machine: Booted, **settings: str) -> None:
    """Writes the settings' file, whose mode stays."""
    all_of_them = {"PIRAGUA_VOLUMES": "gv0", "PIRAGUA_ADMIN_KEY": KEY, **settings}
    text = "".join(f"{name}='{value}'\n" for name, value in all_of_them.items() if value)
    (machine.files / "etc/piragua/environment").write_text(text)


def shown(machine: Booted, what: str) -> str:
    """A property of the unit."""
    return machine.run(f"systemctl show piragua --property={what} --value").strip()


def wait_until_healthy(url: str = URL, verify: ssl.SSLContext | bool = True) -> None:
    def healthy() -> bool:
        try:
            return httpx.get(f"{url}/health", timeout=5, trust_env=False, verify=verify).status_code == 200
        except httpx.TransportError:
            return False

    wait_until(healthy, f"{url}/health", 40)


def test_from_install_to_purge(booted: Booted, deb: Path, higher_deb: Path, tmp_path: Path) -> None:
    told = install(booted, deb)
    assert "does not run yet" in told
    assert "systemctl enable --now piragua" in told
    assert booted.ask("systemctl is-enabled piragua; systemctl is-active piragua").stdout.split() == [
        "disabled",
        "inactive",
    ]
    assert booted.run("stat --format='%a %U %G' /etc/piragua/environment").strip() == "640 root root"
    assert booted.run("systemd-analyze verify --man=no piragua.service") == ""
    exposure = booted.run("systemd-analyze security --no-pager piragua.service | tail -n 1")
    assert float(re.findall(r": ([\d.]+) ", exposure)[0]) <= 3.4, exposure

    configure(booted)
    booted.run("systemctl enable --now piragua")
    assert booted.run("systemctl is-active piragua").strip() == "active"
    assert httpx.get(f"{URL}/live", timeout=5, trust_env=False).status_code == 200
    assert booted.journal().count("without TLS") == 1
    wait_until_healthy()
    checked = booted.run(f"{SEEN_BY_SYSTEMD} piragua check")
    assert "FAIL" not in checked, checked
    booted.run(f"{SEEN_BY_SYSTEMD} piragua check")
    # The mount that usage is read from may be there already, or not.
    assert set(booted.run("ls -A /run/piragua").split()) <= {"gv0", "gv0.usage"}, "a check leaves nothing"
    assert booted.run("cd /var/log/glusterfs && ls *check*").split() == ["piragua-check-gv0.log"]
    client = StrictGoClient(URL, "admin", KEY, poll_seconds=0.05)
    kept = client.create({"size": 1, "name": "vol_kept"})
    write_until_full(client.create({"size": 1}), tmp_path)
    client.delete(kept["id"])
    kept = client.create({"size": 1, "gid": 2001})
    assert booted.run(f"stat --format='%a %g' /brick/gv0/*/{kept['name'].split('/')[-1]}").strip() == "2775 2001"

    before = shown(booted, "MainPID")
    booted.run("systemctl kill --signal=KILL --kill-whom=main piragua")
    wait_until(lambda: shown(booted, "MainPID") not in (before, "0"), "the restart", 20)
    wait_until_healthy()
    assert kept["id"] in client.list()

    made = creating_meanwhile(client, lambda: install(booted, higher_deb))
    assert booted.run("piragua --version").strip() == f"piragua, version {HIGHER}"
    assert httpx.get(f"{URL}/version", timeout=5, trust_env=False).json()["version"] == HIGHER
    there = client.list()
    assert {*made, kept["id"]} <= set(there)
    limits = booted.run("gluster volume quota gv0 list")
    assert len(re.findall(r"^/\S+ +1\.0GB", limits, re.MULTILINE)) == len(there), limits

    # A check that was killed leaves its mount.
    left = "/run/piragua/.check/gv0.4000000"
    booted.run(f"mkdir -p {left} && mount -t glusterfs {ADDRESS}:/gv0 {left} && mountpoint {left}")
    booted.run("apt-get remove --yes piragua")
    assert booted.ask("systemctl is-active piragua").stdout.strip() in ("inactive", "failed")
    assert booted.run("pgrep --full -c '[/]run/piragua' || true").strip() == "0"
    assert booted.run("ls /usr/lib/piragua /run/piragua 2>/dev/null || true") == ""
    assert KEY in (booted.files / "etc/piragua/environment").read_text()
    booted.run("apt-get purge --yes piragua")
    assert left_of_the_package(booted) == []
    directories = booted.run("ls /brick/gv0").split()
    assert len([each for each in directories if "-" in each]) >= len(there), "purge touches no volume"


def left_of_the_package(machine: Booted) -> list[str]:
    """Files with its name, but for the journal's and those that a test has put there itself."""
    places = "/etc /run /usr /lib /var/lib /var/log /var/cache"
    found = machine.run(f"find {places} -xdev -name '*piragua*' -not -path '/run/systemd/units/*'").split()
    links = machine.run("find /etc/systemd -lname '*piragua*'").split()
    return [*found, *links]


def write_until_full(volume: dict[str, object], tmp_path: Path) -> None:
    """A client mounts the volume, and is stopped at its limit."""
    mount_point = tmp_path / "mnt"
    mount_point.mkdir()
    with deep_mounted(ADDRESS, str(volume["name"]), mount_point, tmp_path / "mount.log"):
        file = mount_point / "file"
        with file.open("wb") as whole:
            os.posix_fallocate(whole.fileno(), 0, 1000 * MEBIBYTE)  # which takes no time
        writing = subprocess.run(
            ["dd", "if=/dev/zero", f"of={file}", "bs=1M", "count=200", "seek=1000", "conv=notrunc"],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert "Disk quota exceeded" in writing.stderr, writing.stderr
        # What a client has on its way when it is stopped gets in.
        assert file.stat().st_size <= (1024 + 64) * MEBIBYTE


def creating_meanwhile(client: StrictGoClient, work: object) -> list[str]:
    """Ids of volumes that were created while work was done, some before, some after its restart."""
    made: list[str] = []
    end = threading.Event()

    def create() -> None:
        while not end.is_set():
            try:
                made.append(client.create({"size": 1})["id"])
            except (httpx.TransportError, HeketiError):
                time.sleep(0.05)  # a client tries again while nobody listens

    thread = threading.Thread(target=create)
    thread.start()
    try:
        wait_until(lambda: len(made) >= 3, "volumes before", 30)
        assert callable(work)
        work()
        at_the_end = len(made)
        wait_until(lambda: len(made) >= at_the_end + 3, "volumes after", 60)
    finally:
        end.set()
        thread.join(60)
    return made


def make_certificate(machine: Booted, name: str) -> None:
    """/etc/piragua/tls.crt and .key, for that name beside this machine's address; changed in one moment."""
    machine.run(
        "cd /etc/piragua && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=piragua -addext "
        f"subjectAltName=IP:127.0.0.1,DNS:{name} -keyout new.key -out new.crt 2>/dev/null && "
        "mv new.key tls.key && mv new.crt tls.crt"
    )


def certificate_served() -> str:
    return ssl.get_server_certificate(("127.0.0.1", 8080), timeout=10)


def test_reload_watchdog_wrong_settings_and_a_late_gluster(booted: Booted, deb: Path) -> None:
    install(booted, deb)
    make_certificate(booted, "first")
    (booted.files / "etc/piragua/admin.key").write_text(KEY)
    tls = {"PIRAGUA_TLS_CERT": "/etc/piragua/tls.crt", "PIRAGUA_TLS_KEY": "/etc/piragua/tls.key"}
    configure(booted, PIRAGUA_ADMIN_KEY="", **tls)
    drop_in = booted.files / "etc/systemd/system/piragua.service.d/test.conf"
    drop_in.parent.mkdir()
    credential = "LoadCredential=admin-key:/etc/piragua/admin.key\nEnvironment=PIRAGUA_ADMIN_KEY_FILE=%d/admin-key"
    drop_in.write_text(f"[Service]\n{credential}\nWatchdogSec=2\n")

    # Gluster comes late, and the service is there already.
    booted.run("systemctl daemon-reload && systemctl stop glusterd && systemctl start piragua")
    assert booted.run("systemctl is-active piragua").strip() == "active"
    anyone = ssl._create_unverified_context()  # noqa: S323 (whom it speaks to is looked at below)
    assert httpx.get(f"{SECURE_URL}/health", timeout=20, trust_env=False, verify=anyone).status_code == 503
    booted.run("systemctl start glusterd")
    wait_until_healthy(SECURE_URL, anyone)
    assert "without TLS" not in booted.journal()
    told_the_key = "--setenv=PIRAGUA_ADMIN_KEY_FILE=/etc/piragua/admin.key"
    assert "FAIL" not in booted.run(f"{SEEN_BY_SYSTEMD} {told_the_key} piragua check")

    # A reload takes the new certificate and level, and drops no connection.
    pid = shown(booted, "MainPID")
    first = certificate_served()
    with httpx.Client(verify=anyone, trust_env=False, timeout=20) as connection:
        assert connection.get(f"{SECURE_URL}/live").status_code == 200
        make_certificate(booted, "second")
        configure(booted, PIRAGUA_ADMIN_KEY="", PIRAGUA_LOG_LEVEL="debug", **tls)
        booted.run("systemctl reload piragua")
        wait_until(lambda: "the log's level is debug" in booted.journal(), "the reload", 10)
        assert connection.get(f"{SECURE_URL}/live").status_code == 200
        network = connection._transport._pool.connections  # type: ignore[attr-defined]
        assert len(network) == 1, "the connection from before the reload"
    assert certificate_served() != first
    assert shown(booted, "MainPID") == pid
    priorities = booted.run("journalctl --unit=piragua --output=json --output-fields=PRIORITY,MESSAGE")
    assert re.search(r'"PRIORITY":"6".*the log\'s level', priorities) or re.search(
        r'the log\'s level.*"PRIORITY":"6"', priorities
    )

    # What is wrong is refused, and it goes on.
    configure(booted, PIRAGUA_ADMIN_KEY="", PIRAGUA_LOG_LEVEL="loud", **tls)
    now = end_of_the_journal(booted)
    assert booted.ask("systemctl reload piragua").returncode != 0
    sentence = "piragua: PIRAGUA_LOG_LEVEL must be one of debug, info, warning, error, not 'loud'."
    assert sentences(booted, now) == [(ERROR, sentence)]
    assert shown(booted, "MainPID") == pid
    configure(booted, PIRAGUA_ADMIN_KEY="", **tls)

    # A certificate that nobody ever writes holds the event loop up.
    booted.run("cd /etc/piragua && mv tls.crt away.crt && mkfifo tls.crt && systemctl kill --signal=HUP piragua")
    wait_until(lambda: shown(booted, "NRestarts") != "0" or restored(booted), "the watchdog", 60)
    wait_until(lambda: shown(booted, "MainPID") not in (pid, "0"), "the restart by the watchdog", 60)
    wait_until_healthy(SECURE_URL, anyone)
    journal = booted.journal()
    assert "Watchdog timeout" in journal
    assert "in _reload" in journal, "where it hung"

    # A wrong setting: one sentence, and no restart.
    booted.run("systemctl stop piragua; systemctl reset-failed piragua || true")
    configure(booted, PIRAGUA_ADMIN_KEY="", PIRAGUA_PROT="8080")
    now = end_of_the_journal(booted)
    assert booted.ask("systemctl start piragua").returncode != 0
    assert shown(booted, "ActiveState") == "failed"
    assert shown(booted, "ExecMainStatus") == "3"
    time.sleep(3)  # it would be started again after 2
    assert shown(booted, "ActiveState") == "failed"
    assert sentences(booted, now) == [(ERROR, "piragua: PIRAGUA_PROT is not a setting; PIRAGUA_PORT is.")]


def end_of_the_journal(machine: Booted) -> str:
    """Where it ends now."""
    return (
        machine.run("journalctl --sync; journalctl --quiet --lines=0 --show-cursor").split("cursor: ")[1].strip()
    )


def sentences(machine: Booted, cursor: str) -> list[tuple[str, str]]:
    """Priority and text of each line in the whole journal after that place that begins with `piragua: `."""
    argv = f"journalctl --output=json --output-fields=PRIORITY,MESSAGE --after-cursor='{cursor}'"
    entries = [json.loads(line) for line in machine.run(f"journalctl --sync; {argv}").splitlines()]
    told = [(entry["PRIORITY"], entry["MESSAGE"]) for entry in entries]
    return [(priority, text) for priority, text in told if text.startswith("piragua: ")]


def restored(machine: Booted) -> bool:
    """Puts the certificate back; what waits for the old one goes on waiting."""
    machine.ask("cd /etc/piragua && [ -e away.crt ] && rm tls.crt && mv away.crt tls.crt")
    return False


def original_files() -> dict[str, str]:
    """What the original's packages held. It cannot be built any more, so its program only waits."""
    return {
        "usr/sbin/piragua": "#!/bin/sh\nexec sleep infinity\n",
        "etc/piragua/environment": "ROCKET_ADDRESS=0.0.0.0\nROCKET_LOG=normal\nROCKET_PORT=8888\nGLUSTER_VOL=gv0\n"
        "JWT_SECRET=super_secret\n",
        "lib/systemd/system/piragua.service": "[Unit]\nDescription=Gluster Thin Heketi Service\n[Service]\n"
        "Type=simple\nEnvironmentFile=/etc/piragua/environment\n"
        "ExecStart=/usr/sbin/piragua --volume=${GLUSTER_VOL}\n"
        "KillMode=process\nRestart=on-failure\n[Install]\nAlias=piragua.service\nWantedBy=multi-user.target\n",
    }


def original_package(folder: Path, *, conffile: bool) -> Path:
    """A package laid out like the original's. conffile: dpkg knows its settings as such."""
    control = {
        "DEBIAN/control": "Package: piragua\nVersion: 0.1.19\nArchitecture: amd64\n"
        "Maintainer: nobody <nobody@piragua.invalid>\nDescription: laid out like the original\n",
        **({"DEBIAN/conffiles": "/etc/piragua/environment\n"} if conffile else {}),
    }
    tree = write_files(folder / f"tree-{conffile}", control | original_files())
    return packed(tree, folder / "piragua_0.1.19_amd64.deb")


def test_it_is_installed_over_the_original_and_comes_up_with_its_settings(
    booted: Booted, deb: Path, tmp_path: Path
) -> None:
    # Whether its package's settings were a conffile for dpkg, nobody knows: both ways, one after the other.
    for conffile in (True, False):
        install(booted, original_package(tmp_path, conffile=conffile))
        settings = booted.files / "etc/piragua/environment"
        secret = base64.b64encode(KEY.encode()).decode()
        settings.write_text(settings.read_text().replace("super_secret", secret))
        booted.run("systemctl daemon-reload && systemctl enable --now piragua && systemctl is-active piragua")
        old = settings.read_text()
        assert "does not run yet" not in install(booted, deb)
        assert settings.read_text() == old
        assert settings.stat().st_mode & 0o7 == 0
        assert booted.run("ls -A /etc/piragua").split() == ["environment"]
        assert booted.run("dpkg-query --show --showformat='${Version}' piragua") == __version__
        assert booted.run("systemctl is-active piragua").strip() == "active"
        wait_until_healthy("http://127.0.0.1:8888")
        client = StrictGoClient("http://127.0.0.1:8888", "admin", KEY, poll_seconds=0.05)
        assert client.info(client.create({"size": 1})["id"])["name"].startswith("gv0/")
        assert booted.run("readlink /usr/sbin/piragua").strip() == "../bin/piragua"
        assert shown(booted, "Type") == "notify"
        booted.run("apt-get purge --yes piragua")
        assert left_of_the_package(booted) == []


def test_what_the_machine_changes_under_it(booted: Booted, deb: Path) -> None:
    """An administrator's mount that goes and comes, another Python."""
    install(booted, deb)
    mount = f"mount -t glusterfs {ADDRESS}:/gv0 /mnt/gv0"
    booted.run(f"mkdir /mnt/gv0 && {mount}")
    configure(booted, PIRAGUA_VOLUMES="gv0=/mnt/gv0")
    booted.run("systemctl start piragua")
    wait_until_healthy()
    client = StrictGoClient(URL, "admin", KEY, poll_seconds=0.05)
    made = client.create({"size": 1})["id"]

    # Without its bricks it is the same mount, whose client the service does not see.
    booted.run("gluster --mode=script volume stop gv0")
    wait_until(lambda: "not connected" in unhealthy(), "the loss of the bricks", 30)
    booted.run("gluster volume start gv0")
    wait_until_healthy()
    assert "the mount was lost" not in booted.journal()

    # Its client dies, and the administrator mounts it again.
    booted.run("pkill --signal KILL --full -- ' /mnt/gv0$'")
    wait_until(lambda: "not connected" in unhealthy(), "the death of the client", 30)
    booted.run(f"umount --lazy /mnt/gv0 && {mount}")
    wait_until_healthy()
    assert client.list() == [made]

    # Another Python has nothing compiled for it, until the package is installed again.
    compiled = "/usr/lib/piragua/piragua/cli/__pycache__/main.cpython-311.pyc"
    booted.run(f"rm {compiled} && piragua --version && ! test -e {compiled}")
    install(booted, deb, "--reinstall")
    booted.run(f"test -e {compiled}")
    wait_until_healthy()
    assert client.list() == [made]


def unhealthy() -> str:
    """Why it is not well; "" while it is."""
    answer = httpx.get(f"{URL}/health", timeout=20, trust_env=False)
    return answer.text if answer.status_code == 503 else ""
