"""What an administrator writes into the environment, and what comes of it."""

import base64
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretBytes, ValidationError

from piragua.config import ConfigError, ConfiguredVolume, Settings
from piragua.config.example import example, table
from piragua.config.settings import variables
from piragua.frontends.registry import front_end_settings

ROOT = Path(__file__).parents[3]
VARIABLES = variables(front_end_settings())
EXAMPLE = example(front_end_settings())
LEAST = {"PIRAGUA_VOLUMES": "gv0", "PIRAGUA_ADMIN_KEY": "a-key"}


def read(**changed: str) -> Settings:
    return Settings.from_environment({**LEAST, **changed}, front_end_settings())


def refusal(**changed: str) -> str:
    with pytest.raises(ConfigError) as refused:
        read(**changed)
    return str(refused.value)


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def secret(key: SecretBytes | None) -> bytes | None:
    return key.get_secret_value() if key is not None else None


def test_two_settings_are_enough() -> None:
    settings = read()
    assert settings.volumes == (ConfiguredVolume("gv0"),)
    assert secret(settings.admin_key) == b"a-key"
    assert settings.user_key is None
    assert (settings.port, settings.trash_retention_seconds, settings.max_overcommit) == (8080, 0, None)
    assert not settings.disable_auth


def test_parts_are_built_with_plain_arguments_too() -> None:
    settings = Settings(volumes=(ConfiguredVolume("gv0"),), disable_auth=True, port=1)
    assert settings.port == 1
    with pytest.raises(ValidationError):
        settings.port = 2


def test_volumes_are_mounted_by_piragua_or_already_there() -> None:
    settings = read(PIRAGUA_VOLUMES="gv0, gv-1=/mnt/glusterfs/")
    assert settings.volumes == (ConfiguredVolume("gv0"), ConfiguredVolume("gv-1", Path("/mnt/glusterfs")))


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("0s", 0), ("90s", 90), ("30m", 1800), ("24h", 86400), ("7d", 604800)],
)
def test_the_trash_retention_has_a_unit(text: str, value: int) -> None:
    assert read(PIRAGUA_TRASH_RETENTION=text).trash_retention_seconds == value


def test_storage_addresses_are_known_by_name_or_id() -> None:
    settings = read(PIRAGUA_STORAGE_ADDRESSES="Node1=10.0.0.1, 6fee480c-45cd-4527-9e8e-c6c4a3365a2d=fd00::0:2")
    assert settings.storage_addresses == {
        "node1": "10.0.0.1",
        "6fee480c45cd45279e8ec6c4a3365a2d": "fd00::2",
    }


def test_the_other_kinds_of_value() -> None:
    settings = read(
        PIRAGUA_MAX_OVERCOMMIT="2.5",
        PIRAGUA_MAX_OPERATIONS="7",
        PIRAGUA_ACCEPT_ALL_OPTIONS="True",
        PIRAGUA_TRUSTED_PROXIES="10.0.0.5,192.168.7.0/24",
        PIRAGUA_LOG_LEVEL="DEBUG",
        PIRAGUA_LOG_FORMAT="json",
        PIRAGUA_GLUSTERD_SOCKET="/run/other.socket",
        PIRAGUA_MOUNT_ROOT="/srv/piragua",
        PIRAGUA_HOST="::",
    )
    assert settings.max_overcommit == 2.5
    assert settings.max_operations == 7
    assert settings.accept_all_options
    assert settings.trusted_proxies == ("10.0.0.5", "192.168.7.0/24")
    assert (settings.log_level, settings.log_format) == ("debug", "json")
    assert settings.glusterd_socket == Path("/run/other.socket")
    assert settings.mount_root == Path("/srv/piragua")
    assert settings.host == "::"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PIRAGUA_VOLUMES", "gv0,gv0"),
        ("PIRAGUA_VOLUMES", "gv0=/mnt/a,gv1=/mnt/a"),
        ("PIRAGUA_VOLUMES", "gv0,"),
        ("PIRAGUA_VOLUMES", "gv0=mnt"),
        ("PIRAGUA_VOLUMES", "gv0=/"),
        ("PIRAGUA_VOLUMES", "gv0=/mnt/../etc"),
        ("PIRAGUA_VOLUMES", "-gv0"),
        ("PIRAGUA_VOLUMES", "all"),
        ("PIRAGUA_VOLUMES", "gv0/x"),
        ("PIRAGUA_VOLUMES", "v" * 256),
        ("PIRAGUA_PORT", "0"),
        ("PIRAGUA_PORT", "65536"),
        ("PIRAGUA_PORT", "+80"),
        ("PIRAGUA_PORT", "٨٠"),
        ("PIRAGUA_PORT", "tcp://10.0.0.1:8080"),
        ("PIRAGUA_HOST", "a b"),
        ("PIRAGUA_MOUNT_ROOT", "run/piragua"),
        ("PIRAGUA_DISABLE_AUTH", "1"),
        ("PIRAGUA_DISABLE_AUTH", "yes"),
        ("PIRAGUA_TRASH_RETENTION", "90"),
        ("PIRAGUA_TRASH_RETENTION", "-1s"),
        ("PIRAGUA_TRASH_RETENTION", "5 weeks"),
        ("PIRAGUA_TRASH_RETENTION", "99999d"),
        ("PIRAGUA_MAX_OPERATIONS", "0"),
        ("PIRAGUA_MAX_OVERCOMMIT", "0"),
        ("PIRAGUA_MAX_OVERCOMMIT", "nan"),
        ("PIRAGUA_MAX_OVERCOMMIT", "inf"),
        ("PIRAGUA_STORAGE_ADDRESSES", "node1=127.0.0.1"),
        ("PIRAGUA_STORAGE_ADDRESSES", "node1=node1.example.com"),
        ("PIRAGUA_STORAGE_ADDRESSES", "10.0.0.1"),
        ("PIRAGUA_STORAGE_ADDRESSES", "node1=10.0.0.1,NODE1=10.0.0.2"),
        ("PIRAGUA_TRUSTED_PROXIES", "*"),
        ("PIRAGUA_TRUSTED_PROXIES", "10.0.0.5/8"),
        ("PIRAGUA_LOG_LEVEL", "loud"),
        ("PIRAGUA_LOG_FORMAT", "xml"),
        ("PIRAGUA_GLUSTERD_SOCKET", "glusterd.socket"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence_that_names_it(variable: str, value: str) -> None:
    sentence = refusal(**{variable: value})
    assert sentence.startswith(f"{variable} must ")
    assert sentence.count("\n") == 0
    assert sentence.endswith(".")


@given(
    name=st.sampled_from(variables(front_end_settings())),
    value=st.binary(max_size=40) | st.text(max_size=40).map(encoded),
)
def test_no_text_does_more_than_be_refused(name: str, value: bytes) -> None:
    """An environment holds bytes; Python shows those that are no UTF-8 as surrogates."""
    with suppress(ConfigError):
        read(**{name: value.replace(b"\0", b"").decode("utf-8", "surrogateescape")})


def test_a_typo_does_not_silently_mean_the_default() -> None:
    assert refusal(PIRAGUA_PROT="80") == "PIRAGUA_PROT is not a setting; PIRAGUA_PORT is."
    assert "PIRAGUA_ZZZ" in refusal(PIRAGUA_ZZZ="1")


def test_an_empty_value_counts_as_not_set_but_for_a_key() -> None:
    assert read(PIRAGUA_PORT="", PIRAGUA_TLS_CERT="").port == 8080
    assert "empty" in refusal(PIRAGUA_ADMIN_KEY="")
    assert "empty" in refusal(PIRAGUA_USER_KEY="")


def test_without_a_volume_or_a_key_it_refuses() -> None:
    assert "PIRAGUA_VOLUMES" in refusal(PIRAGUA_VOLUMES="")
    with pytest.raises(ConfigError, match="PIRAGUA_ADMIN_KEY"):
        Settings.from_environment({"PIRAGUA_VOLUMES": "gv0"})
    open_to_all = Settings.from_environment({"PIRAGUA_VOLUMES": "gv0", "PIRAGUA_DISABLE_AUTH": "true"})
    assert open_to_all.admin_key is None


@pytest.mark.parametrize(
    ("content", "key"),
    [(b"k\n", b"k"), (b"k", b"k"), (b"k\n\n", b"k\n"), (b" k \r\n", b" k \r"), (b"\xff\0", b"\xff\0")],
)
def test_one_newline_at_a_key_files_end_is_no_part_of_the_key(tmp_path: Path, content: bytes, key: bytes) -> None:
    (tmp_path / "user").write_bytes(content)
    assert secret(read(PIRAGUA_USER_KEY_FILE=f"{tmp_path}/user").user_key) == key


def test_a_key_in_the_environment_is_taken_to_the_byte() -> None:
    assert secret(read(PIRAGUA_ADMIN_KEY=" kéy \n").admin_key) == " kéy \n".encode()


def test_a_key_must_be_somewhere_and_in_one_place(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\n")
    assert "both" in refusal(PIRAGUA_ADMIN_KEY_FILE=f"{tmp_path}/key")
    assert "empty" in refusal(PIRAGUA_USER_KEY_FILE=f"{tmp_path}/key")
    assert "read" in refusal(PIRAGUA_USER_KEY_FILE=f"{tmp_path}/none")
    assert "same" in refusal(PIRAGUA_USER_KEY="a-key")


def test_the_originals_shipped_default_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"super_secret\n")
    encoded = base64.b64encode(b"super_secret").decode()
    for variables_set in (
        {"PIRAGUA_ADMIN_KEY": "super_secret"},
        {"PIRAGUA_ADMIN_KEY_FILE": f"{tmp_path}/key"},
        {"JWT_SECRET": "super_secret"},
        {"JWT_SECRET": encoded},
    ):
        with pytest.raises(ConfigError, match="everybody knows"):
            Settings.from_environment({"PIRAGUA_VOLUMES": "gv0", **variables_set})


def test_no_key_is_shown_in_repr_or_in_a_sentence(tmp_path: Path) -> None:
    settings = read(PIRAGUA_ADMIN_KEY="hush-hush", PIRAGUA_USER_KEY="quiet")
    assert "hush" not in f"{settings!r}{settings!s}"
    assert "quiet" not in f"{settings!r}{settings.model_dump()}"
    assert "hush" not in refusal(PIRAGUA_ADMIN_KEY="hush-hush", PIRAGUA_PORT="x")
    assert "hush" not in refusal(PIRAGUA_USER_KEY_FILE="hush-hush")
    with pytest.raises(ConfigError) as refused:
        Settings.from_environment({"PIRAGUA_VOLUMES": "gv0", "JWT_SECRET": "hush-hush"})
    assert "hush" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_the_originals_names_go_on_working() -> None:
    settings = Settings.from_environment(
        {
            "GLUSTER_VOL": "gv7",
            "ROCKET_ADDRESS": "10.0.0.1",
            "ROCKET_PORT": "8000",
            "ROCKET_WORKERS": "20",
            "JWT_SECRET": base64.b64encode(b"the key").decode(),
        }
    )
    assert settings.volumes == (ConfiguredVolume("gv7"),)
    assert (settings.host, settings.port) == ("10.0.0.1", 8000)
    assert secret(settings.admin_key) == b"the key"
    assert settings.user_key is None


def test_the_new_names_win_over_the_originals() -> None:
    settings = read(GLUSTER_VOL="gv7", ROCKET_PORT="nonsense", PIRAGUA_PORT="81", JWT_SECRET="not base64")
    assert settings.volumes == (ConfiguredVolume("gv0"),)
    assert settings.port == 81
    assert secret(settings.admin_key) == b"a-key"


def test_a_wrong_value_under_an_originals_name_is_called_by_that_name() -> None:
    assert refusal(ROCKET_PORT="nonsense").startswith("ROCKET_PORT must ")
    with pytest.raises(ConfigError, match="JWT_SECRET must be base64"):
        Settings.from_environment({"PIRAGUA_VOLUMES": "gv0", "JWT_SECRET": "a_b"})


def certificate(folder: Path, name: str) -> tuple[str, str]:
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subprocess.run(
        [*argv, "-subj", "/CN=piragua", "-days", "1", "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return str(cert), str(key)


def test_tls_needs_a_certificate_and_the_key_that_belongs_to_it(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "one")
    _, other_key = certificate(tmp_path, "two")
    assert read(PIRAGUA_TLS_CERT=cert, PIRAGUA_TLS_KEY=key).tls_cert == Path(cert)
    assert "both" in refusal(PIRAGUA_TLS_CERT=cert)
    assert "both" in refusal(PIRAGUA_TLS_KEY=key)
    assert "read" in refusal(PIRAGUA_TLS_CERT=cert, PIRAGUA_TLS_KEY=f"{tmp_path}/none")
    assert "not a certificate" in refusal(PIRAGUA_TLS_CERT=cert, PIRAGUA_TLS_KEY=other_key)


def test_environment_example_has_every_setting_as_it_is() -> None:
    # To make it anew: python -c "from piragua.config.example import example
    # from piragua.frontends.registry import front_end_settings; print(example(front_end_settings()), end='')"
    assert (ROOT / "environment.example").read_text(encoding="utf-8") == EXAMPLE
    assert all(f"#{name}=" in EXAMPLE for name in VARIABLES)


def test_an_example_that_is_taken_as_it_stands_is_accepted() -> None:
    lines = dict(line[1:].split("=", 1) for line in EXAMPLE.splitlines() if line.startswith("#PIRAGUA_"))
    values = {name: value for name, value in lines.items() if not name.endswith(("_KEY", "_FILE", "_CERT"))}
    assert read(**values).port == 8080


def test_the_readme_has_every_setting_as_it_is() -> None:
    # To make the table anew: the same command with `table` in place of `example`.
    assert table(front_end_settings()) in (ROOT / "README.md").read_text(encoding="utf-8")
