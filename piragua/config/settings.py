"""Every setting: its name, type, default and meaning, in this one place."""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretBytes,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo

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


Model = TypeVar("Model", bound=BaseModel)


def parsed(parse: Callable[[str], object]) -> BeforeValidator:
    """Parses what comes as a variable's text, and lets a value given as a plain argument be."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def setting(name: str, default: Any, description: str, example: str) -> Any:
    """A field for the variable of that name. example: a value as one would write it, for documents."""
    return Field(default, validation_alias=name, description=description, examples=[example])


_AS_SETTINGS = ConfigDict(
    frozen=True, extra="forbid", hide_input_in_errors=True, validate_by_name=True, validate_by_alias=True
)


class FrontEndSettings(BaseModel):
    """Base of the settings of one front-end. Every field has a default; its variable begins with PIRAGUA_."""

    model_config = _AS_SETTINGS


OfFrontEnd = TypeVar("OfFrontEnd", bound=FrontEndSettings)


class Settings(BaseModel):
    """The service's settings, checked as a whole; raises ConfigError when they cannot be served with.

    Keys are hidden in `repr`. No admin key means that authentication is off (disable_auth).
    """

    model_config = _AS_SETTINGS
    _of_front_ends: Mapping[type[FrontEndSettings], FrontEndSettings] = PrivateAttr(default_factory=dict)

    volumes: Annotated[tuple[ConfiguredVolume, ...], parsed(values.volumes)] = setting(
        "PIRAGUA_VOLUMES",
        (),
        "The Gluster volumes to hand out directories of, with commas between; each is a cluster of the API. "
        "`gv0`: Piragua mounts it below PIRAGUA_MOUNT_ROOT. `gv0=/mnt/glusterfs`: it is mounted there, "
        "and stays. Required.",
        "gv0",
    )
    mount_root: Annotated[Path, parsed(values.absolute_path)] = setting(
        "PIRAGUA_MOUNT_ROOT",
        Path("/run/piragua"),
        "The folder below which Piragua mounts Gluster volumes itself.",
        "/run/piragua",
    )
    host: Annotated[str, parsed(values.host)] = setting(
        "PIRAGUA_HOST",
        "0.0.0.0",  # noqa: S104 - clients are on other machines
        "The address to listen on.",
        "0.0.0.0",  # noqa: S104
    )
    port: Annotated[int, parsed(values.port)] = setting("PIRAGUA_PORT", 8080, "The TCP port to listen on.", "8080")
    admin_key: SecretBytes | None = setting(
        "PIRAGUA_ADMIN_KEY",
        None,
        "The key that the administrator's tokens are signed with (`restuser: admin`). "
        "Required, here or as a file, unless PIRAGUA_DISABLE_AUTH is true.",
        "",
    )
    admin_key_file: Annotated[Path | None, parsed(values.absolute_path)] = setting(
        "PIRAGUA_ADMIN_KEY_FILE",
        None,
        "A file that holds the admin key. One newline at its end is no part of the key.",
        "/etc/piragua/admin.key",
    )
    user_key: SecretBytes | None = setting(
        "PIRAGUA_USER_KEY",
        None,
        "The key that users' tokens are signed with: they may create and list volumes, read one, and "
        "poll operations. Not set: there is no user role.",
        "",
    )
    user_key_file: Annotated[Path | None, parsed(values.absolute_path)] = setting(
        "PIRAGUA_USER_KEY_FILE",
        None,
        "A file that holds the user key. One newline at its end is no part of the key.",
        "/etc/piragua/user.key",
    )
    disable_auth: Annotated[bool, parsed(values.boolean)] = setting(
        "PIRAGUA_DISABLE_AUTH",
        False,
        "`true`: no token is asked for, and whoever reaches the port can delete every volume.",
        "false",
    )
    tls_cert: Annotated[Path | None, parsed(values.absolute_path)] = setting(
        "PIRAGUA_TLS_CERT",
        None,
        "The certificate (PEM, with its chain) to serve HTTPS with. Not set: plain HTTP.",
        "/etc/piragua/tls.crt",
    )
    tls_key: Annotated[Path | None, parsed(values.absolute_path)] = setting(
        "PIRAGUA_TLS_KEY",
        None,
        "The certificate's private key (PEM, without a passphrase).",
        "/etc/piragua/tls.key",
    )
    trusted_proxies: Annotated[tuple[str, ...], parsed(values.networks)] = setting(
        "PIRAGUA_TRUSTED_PROXIES",
        (),
        "Addresses or networks of proxies whose X-Forwarded headers are believed, with commas between. "
        "Not set: nobody's.",
        "10.0.0.5,192.168.7.0/24",
    )
    storage_addresses: Annotated[Mapping[str, str], parsed(values.storage_addresses)] = setting(
        "PIRAGUA_STORAGE_ADDRESSES",
        {},
        "The IP address that clients mount from, for peers whose names do not resolve to it: peer=address, "
        "with commas between; a peer by its host name or its id. It has to be an address that Kubernetes "
        "accepts: not loopback, not link-local.",
        "node1=10.0.0.1,node2=10.0.0.2",
    )
    glusterd_socket: Annotated[Path | None, parsed(values.absolute_path)] = setting(
        "PIRAGUA_GLUSTERD_SOCKET",
        None,
        "glusterd's socket. Not set: the one that the `gluster` program uses by itself.",
        "/var/run/glusterd.socket",
    )
    trash_retention_seconds: Annotated[int, parsed(values.duration_seconds)] = setting(
        "PIRAGUA_TRASH_RETENTION",
        0,
        "How long a deleted volume stays in the trash, where it still takes up space, before it is purged: "
        "`0`, `90s`, `30m`, `24h`, `7d`. `0`: it is purged soon.",
        "24h",
    )
    max_overcommit: Annotated[float | None, parsed(values.multiple)] = setting(
        "PIRAGUA_MAX_OVERCOMMIT",
        None,
        "The sum of all volumes' sizes, the trash included, may be at most this multiple of the Gluster "
        "volume's size. Not set: no bound, volumes are thin.",
        "2.5",
    )
    usage_interval_seconds: Annotated[int, parsed(values.duration_seconds), Field(validate_default=True)] = (
        setting(
            "PIRAGUA_USAGE_INTERVAL",
            "1m",
            "How often it is gathered what every volume holds, for `/piragua/v1/` and metrics: `30s`, `1m`, `1h`. "
            "A round that takes long is followed by a rest of ten times as long. `0`: never.",
            "1m",
        )
    )
    max_operations: Annotated[int, parsed(values.count)] = setting(
        "PIRAGUA_MAX_OPERATIONS",
        1000,
        "How many creates, expands, clones and deletes may wait or run at once; more are answered with 429.",
        "1000",
    )
    accept_all_options: Annotated[bool, parsed(values.boolean)] = setting(
        "PIRAGUA_ACCEPT_ALL_OPTIONS",
        False,
        "`true`: every `glustervolumeoptions` (`volumeoptions` of a StorageClass) is accepted and repeated "
        "in answers, though it cannot be set on one directory. `false`: only `user.heketi.*` and options "
        "that the Gluster volume already has with that value are.",
        "false",
    )
    api_docs: Annotated[bool, parsed(values.boolean)] = setting(
        "PIRAGUA_API_DOCS",
        False,
        "`true`: `/docs` shows every route, and `/openapi.json` describes them to programs (OpenAPI). "
        "Neither asks for a token.",
        "false",
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        parsed(values.OneOf(("debug", "info", "warning", "error"))),
    ] = setting(
        "PIRAGUA_LOG_LEVEL",
        "info",
        "The least that is logged: debug, info, warning or error. Changes (`piragua.audit`) always are.",
        "info",
    )
    log_format: Annotated[Literal["text", "json"], parsed(values.OneOf(("text", "json")))] = setting(
        "PIRAGUA_LOG_FORMAT",
        "text",
        "How lines of the log (standard error) look: text (with `name=value` before the words) or json.",
        "text",
    )

    @classmethod
    def from_environment(cls, env: Mapping[str, str], front_ends: Sequence[type[FrontEndSettings]] = ()) -> Self:
        """The settings of the variables in env, read together with the files that they name.

        front_ends: the settings of front-ends, which `of` gives. Names that neither are settings nor begin with
        PIRAGUA_ are ignored. An empty value counts as not set, a key's excepted. Raises ConfigError.
        """
        _refuse_unknown(env, front_ends)
        settings = _validated(cls, env, _keys(env))
        settings._of_front_ends = {kind: _validated(kind, env) for kind in front_ends}
        if settings.tls_cert is not None and settings.tls_key is not None:
            tls.check(settings.tls_cert, settings.tls_key)
        return settings

    def of(self, front_end: type[OfFrontEnd]) -> OfFrontEnd:
        """The settings of that front-end; the defaults where none were read."""
        found = self._of_front_ends.get(front_end)
        return found if isinstance(found, front_end) else front_end()

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


def fields(front_ends: Sequence[type[FrontEndSettings]] = ()) -> Iterator[FieldInfo]:
    """All settings, in the order in which they are documented."""
    yield from Settings.model_fields.values()
    for kind in front_ends:
        yield from kind.model_fields.values()


def variables(front_ends: Sequence[type[FrontEndSettings]] = ()) -> tuple[str, ...]:
    """The names of all settings, in the order in which they are documented."""
    return tuple(str(field.validation_alias) for field in fields(front_ends))


def _refuse_unknown(env: Mapping[str, str], front_ends: Sequence[type[FrontEndSettings]]) -> None:
    # A name with a typo must not silently mean the default.
    known = variables(front_ends)
    for name in sorted(env):
        if name.startswith("PIRAGUA_") and name not in (*known, *_OF_CLIENTS):
            close = difflib.get_close_matches(name, known, 1)
            raise ConfigError(f"{name} is not a setting{f'; {close[0]} is' if close else ''}.")


def _validated(
    kind: type[Model], env: Mapping[str, str], keys_given: Mapping[str, SecretBytes | None] | None = None
) -> Model:
    texts, origin = _texts(kind, env)
    given: dict[str, object] = {**texts, **(keys_given or {})}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise ConfigError(_sentence(error, origin)) from None


def _texts(kind: type[BaseModel], env: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Texts of all its settings but the keys, by our name, and which variable each came from."""
    texts: dict[str, str] = {}
    origin: dict[str, str] = {}
    for name in (str(field.validation_alias) for field in kind.model_fields.values()):
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
