"""Every setting: its name, type, default and meaning, in this one place."""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretBytes,
    ValidationError,
    model_validator,
)

from piragua.config import keys, tls, values
from piragua.config.values import ConfigError, ConfiguredVolume

# The original Piragua's names that go on working; JWT_SECRET is in piragua.config.keys.
_ORIGINAL_NAMES = {
    "PIRAGUA_HOST": "ROCKET_ADDRESS",
    "PIRAGUA_PORT": "ROCKET_PORT",
    "PIRAGUA_VOLUMES": "GLUSTER_VOL",
}

_KEYS = ("PIRAGUA_ADMIN_KEY", "PIRAGUA_USER_KEY")

# What the commands that ask a server read; the service has no use for them.
_OF_CLIENTS = ("PIRAGUA_SERVER", "PIRAGUA_CACERT", "PIRAGUA_CLIENT_CONFIG")


def _text(parse: Callable[[str], object]) -> BeforeValidator:
    """Parses what comes as a variable's text, and lets a value given as a plain argument be."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def _setting(name: str, default: Any, description: str, example: str) -> Any:
    return Field(default, validation_alias=name, description=description, examples=[example])


class Settings(BaseModel):
    """The service's settings, checked as a whole; raises ConfigError when they cannot be served with.

    Keys are hidden in `repr`. No admin key means that authentication is off (disable_auth).
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_by_name=True, validate_by_alias=True
    )

    volumes: Annotated[tuple[ConfiguredVolume, ...], _text(values.volumes)] = _setting(
        "PIRAGUA_VOLUMES",
        (),
        "The Gluster volumes to hand out directories of, with commas between; each is one Heketi cluster. "
        "`gv0`: Piragua mounts it below PIRAGUA_MOUNT_ROOT. `gv0=/mnt/glusterfs`: it is mounted there, "
        "and stays. Required.",
        "gv0",
    )
    mount_root: Annotated[Path, _text(values.absolute_path)] = _setting(
        "PIRAGUA_MOUNT_ROOT",
        Path("/run/piragua"),
        "The folder below which Piragua mounts Gluster volumes itself.",
        "/run/piragua",
    )
    host: Annotated[str, _text(values.host)] = _setting(
        "PIRAGUA_HOST",
        "0.0.0.0",  # noqa: S104 - clients are on other machines
        "The address to listen on.",
        "0.0.0.0",  # noqa: S104
    )
    port: Annotated[int, _text(values.port)] = _setting("PIRAGUA_PORT", 8080, "The TCP port to listen on.", "8080")
    admin_key: SecretBytes | None = _setting(
        "PIRAGUA_ADMIN_KEY",
        None,
        "The key that the administrator's tokens are signed with (`restuser: admin`). "
        "Required, here or as a file, unless PIRAGUA_DISABLE_AUTH is true.",
        "",
    )
    admin_key_file: Annotated[Path | None, _text(values.absolute_path)] = _setting(
        "PIRAGUA_ADMIN_KEY_FILE",
        None,
        "A file that holds the admin key. One newline at its end is no part of the key.",
        "/etc/piragua/admin.key",
    )
    user_key: SecretBytes | None = _setting(
        "PIRAGUA_USER_KEY",
        None,
        "The key that users' tokens are signed with: they may create and list volumes, read one, and "
        "poll operations. Not set: there is no user role.",
        "",
    )
    user_key_file: Annotated[Path | None, _text(values.absolute_path)] = _setting(
        "PIRAGUA_USER_KEY_FILE",
        None,
        "A file that holds the user key. One newline at its end is no part of the key.",
        "/etc/piragua/user.key",
    )
    disable_auth: Annotated[bool, _text(values.boolean)] = _setting(
        "PIRAGUA_DISABLE_AUTH",
        False,
        "`true`: no token is asked for, and whoever reaches the port can delete every volume.",
        "false",
    )
    tls_cert: Annotated[Path | None, _text(values.absolute_path)] = _setting(
        "PIRAGUA_TLS_CERT",
        None,
        "The certificate (PEM, with its chain) to serve HTTPS with. Not set: plain HTTP.",
        "/etc/piragua/tls.crt",
    )
    tls_key: Annotated[Path | None, _text(values.absolute_path)] = _setting(
        "PIRAGUA_TLS_KEY",
        None,
        "The certificate's private key (PEM, without a passphrase).",
        "/etc/piragua/tls.key",
    )
    trusted_proxies: Annotated[tuple[str, ...], _text(values.networks)] = _setting(
        "PIRAGUA_TRUSTED_PROXIES",
        (),
        "Addresses or networks of proxies whose X-Forwarded headers are believed, with commas between. "
        "Not set: nobody's.",
        "10.0.0.5,192.168.7.0/24",
    )
    storage_addresses: Annotated[Mapping[str, str], _text(values.storage_addresses)] = _setting(
        "PIRAGUA_STORAGE_ADDRESSES",
        {},
        "The IP address that clients mount from, for peers whose names do not resolve to it: peer=address, "
        "with commas between; a peer by its host name or its id. It has to be an address that Kubernetes "
        "accepts: not loopback, not link-local.",
        "node1=10.0.0.1,node2=10.0.0.2",
    )
    glusterd_socket: Annotated[Path | None, _text(values.absolute_path)] = _setting(
        "PIRAGUA_GLUSTERD_SOCKET",
        None,
        "glusterd's socket. Not set: the one that the `gluster` program uses by itself.",
        "/var/run/glusterd.socket",
    )
    trash_retention_seconds: Annotated[int, _text(values.duration_seconds)] = _setting(
        "PIRAGUA_TRASH_RETENTION",
        0,
        "How long a deleted volume stays in the trash, where it still takes up space, before it is purged: "
        "`0`, `90s`, `30m`, `24h`, `7d`. `0`: it is purged soon.",
        "24h",
    )
    max_overcommit: Annotated[float | None, _text(values.multiple)] = _setting(
        "PIRAGUA_MAX_OVERCOMMIT",
        None,
        "The sum of all volumes' sizes, the trash included, may be at most this multiple of the Gluster "
        "volume's size. Not set: no bound, volumes are thin.",
        "2.5",
    )
    usage_interval_seconds: Annotated[int, _text(values.duration_seconds), Field(validate_default=True)] = (
        _setting(
            "PIRAGUA_USAGE_INTERVAL",
            "1m",
            "How often it is gathered what every volume holds, for `/piragua/v1/` and metrics: `30s`, `1m`, `1h`. "
            "A round that takes long is followed by a rest of ten times as long. `0`: never.",
            "1m",
        )
    )
    max_operations: Annotated[int, _text(values.count)] = _setting(
        "PIRAGUA_MAX_OPERATIONS",
        1000,
        "How many creates, expands, clones and deletes may wait or run at once; more are answered with 429.",
        "1000",
    )
    accept_all_options: Annotated[bool, _text(values.boolean)] = _setting(
        "PIRAGUA_ACCEPT_ALL_OPTIONS",
        False,
        "`true`: every `glustervolumeoptions` (`volumeoptions` of a StorageClass) is accepted and repeated "
        "in answers, though it cannot be set on one directory. `false`: only `user.heketi.*` and options "
        "that the Gluster volume already has with that value are.",
        "false",
    )
    api_docs: Annotated[bool, _text(values.boolean)] = _setting(
        "PIRAGUA_API_DOCS",
        False,
        "`true`: `/docs` shows every route, and `/openapi.json` describes them to programs (OpenAPI). "
        "Neither asks for a token.",
        "false",
    )
    metrics_volumes: Annotated[int, _text(values.count_or_none)] = _setting(
        "PIRAGUA_METRICS_VOLUMES",
        1000,
        "Up to how many volumes `/metrics` has size, use and files of each by its id. With more volumes, or "
        "`0`, it has sums only.",
        "1000",
    )
    metrics_names: Annotated[bool, _text(values.boolean)] = _setting(
        "PIRAGUA_METRICS_NAMES",
        False,
        "`true`: `/metrics`, which asks for no token, also has names, namespaces and claims of these volumes.",
        "false",
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _text(values.OneOf(("debug", "info", "warning", "error"))),
    ] = _setting(
        "PIRAGUA_LOG_LEVEL",
        "info",
        "The least that is logged: debug, info, warning or error. Changes (`piragua.audit`) always are.",
        "info",
    )
    log_format: Annotated[Literal["text", "json"], _text(values.OneOf(("text", "json")))] = _setting(
        "PIRAGUA_LOG_FORMAT",
        "text",
        "How lines of the log (standard error) look: text (with `name=value` before the words) or json.",
        "text",
    )

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Self:
        """The settings of the variables in env, read together with the files that they name.

        Names that neither are settings nor begin with PIRAGUA_ are ignored. An empty value
        counts as not set, a key's excepted. Raises ConfigError.
        """
        _refuse_unknown(env)
        texts, origin = _texts(env)
        given: dict[str, object] = {**texts, **_keys(env)}
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            raise ConfigError(_sentence(error, origin)) from None
        if settings.tls_cert is not None and settings.tls_key is not None:
            tls.check(settings.tls_cert, settings.tls_key)
        return settings

    @model_validator(mode="after")
    def _together(self) -> Self:
        if not self.volumes:
            raise ConfigError("PIRAGUA_VOLUMES must name at least one Gluster volume.")
        if self.admin_key is None and not self.disable_auth:
            raise ConfigError(
                "PIRAGUA_ADMIN_KEY or PIRAGUA_ADMIN_KEY_FILE must give the admin key "
                "(or PIRAGUA_DISABLE_AUTH be true, to let everybody in)."
            )
        if self.user_key is not None and self.user_key == self.admin_key:
            raise ConfigError("PIRAGUA_USER_KEY and PIRAGUA_ADMIN_KEY must not be the same key.")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("PIRAGUA_TLS_CERT and PIRAGUA_TLS_KEY must be set both, or neither.")
        return self


def variables() -> tuple[str, ...]:
    """The names of all settings, in the order in which they are documented."""
    return tuple(str(field.validation_alias) for field in Settings.model_fields.values())


def _refuse_unknown(env: Mapping[str, str]) -> None:
    # A name with a typo must not silently mean the default.
    known = variables()
    for name in sorted(env):
        if name.startswith("PIRAGUA_") and name not in (*known, *_OF_CLIENTS):
            close = difflib.get_close_matches(name, known, 1)
            raise ConfigError(f"{name} is not a setting{f'; {close[0]} is' if close else ''}.")


def _texts(env: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Texts of all settings but the keys, by our name, and which variable each came from."""
    texts: dict[str, str] = {}
    origin: dict[str, str] = {}
    for name in variables():
        for source in (name, _ORIGINAL_NAMES.get(name, name)):
            text = env.get(source, "").strip()
            if text and name not in texts and name not in _KEYS:
                texts[name], origin[name] = text, source
    return texts, origin


def _keys(env: Mapping[str, str]) -> dict[str, SecretBytes | None]:
    admin = keys.key(env, "PIRAGUA_ADMIN_KEY")
    if admin is None and "JWT_SECRET" in env:
        admin = keys.original_key(env["JWT_SECRET"])
    return dict(zip(_KEYS, (admin, keys.key(env, "PIRAGUA_USER_KEY")), strict=True))


def _sentence(error: ValidationError, origin: Mapping[str, str]) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0])
    return f"{origin.get(name, name)} {first.get('ctx', {}).get('error', first['msg'])}."
