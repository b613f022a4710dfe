"""Listens for what `piragua.service` answers: connections, certificate, signals, systemd."""

import asyncio
import faulthandler
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address

import anyio
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from piragua.config import ConfigError, Settings, tls
from piragua.config.keys import secret
from piragua.errors import PiraguaError
from piragua.log import setup
from piragua.log.deduplication import Deduplication
from piragua.service import systemd
from piragua.service.background import for_ever
from piragua.service.service import Service
from piragua.status import certificate
from piragua.status.instance import Instance

_log = logging.getLogger(__name__)
_HEAD_TIMEOUT_SECONDS = 20
_MOST_CONNECTIONS = 10_000


class CannotListen(PiraguaError):
    """The address or the port cannot be listened on."""


def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT. CannotListen when the address is taken."""
    deduplication = setup.set_up(
        settings.log_level, settings.log_format, secrets=_secrets(settings), with_time=True
    )
    faulthandler.enable()  # systemd's watchdog sends SIGABRT, and then this says where it hung
    os.umask(0o022)
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    listening = _listen(settings.host, settings.port)
    anyio.run(_serve, settings, listening, deduplication)


async def _serve(settings: Settings, listening: socket.socket, deduplication: Deduplication) -> None:
    service = Service(settings)
    _note_expiry(settings, service.instance)
    where = f"listening on {settings.host} port {settings.port}"
    _log.info("%s", where)
    _warn_of_plain_http(settings, listening)
    config = uvicorn.Config(
        service.app,
        http=_Impatient,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        ssl_certfile=_text(settings.tls_cert),
        ssl_keyfile=_text(settings.tls_key),
        timeout_graceful_shutdown=30,
    )
    supervisor = systemd.Supervisor.from_environment(os.environ, os.getpid())
    server = _Server(config, started=partial(supervisor.ready, where))
    async with anyio.create_task_group() as outlasting:
        outlasting.start_soon(supervisor.keep_watchdog)
        outlasting.start_soon(for_ever, deduplication.keep)
        async with service.running(), anyio.create_task_group() as group:
            group.start_soon(_stop_on_signal, server, supervisor, service.stop_streams)
            systemd.on_reload(partial(_reload, config, settings, service.instance, supervisor, where))
            await server.serve(sockets=[listening])
            group.cancel_scope.cancel()
        outlasting.cancel_scope.cancel()


def _reload(
    config: uvicorn.Config,
    settings: Settings,
    instance: Instance,
    supervisor: systemd.Supervisor,
    where: str,
    level: str | None,
) -> None:
    """Takes the certificate as it is now for new connections, and that level; those that are open go on."""
    supervisor.reloading()
    if level is not None:
        setup.LogLevel().set(level)
    if settings.tls_cert is not None and settings.tls_key is not None and config.ssl is not None:
        try:
            tls.check(settings.tls_cert, settings.tls_key)
            config.ssl.load_cert_chain(settings.tls_cert, settings.tls_key, password="")
            _note_expiry(settings, instance)
        except (ConfigError, OSError) as error:
            _log.error("the certificate stays the one it was: %s", error)
    _log.info("reloaded: the log's level is %s", setup.LogLevel().get())
    supervisor.ready(where)


class _Impatient(H11Protocol):
    """Closes a connection whose next request's head does not come: idle ones cost a descriptor each.

    And those that are too many at once: the rest of the descriptors is for the mounts' files.
    """

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > _MOST_CONNECTIONS:
            transport.abort()
            return
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_for_head()

    def _wait_for_head(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(_HEAD_TIMEOUT_SECONDS, self._close_unless_asked, self.cycle)

    def _close_unless_asked(self, last: object) -> None:
        if self.cycle is last and not self.transport.is_closing():
            self.transport.close()


class _Server(uvicorn.Server):
    """Says when it answers. started: is called then.

    uvicorn would raise the signal again after serving, and the work that still runs would die of it.
    """

    def __init__(self, config: uvicorn.Config, *, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._say_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._say_started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _stop_on_signal(
    server: uvicorn.Server, supervisor: systemd.Supervisor, stop_streams: Callable[[], None]
) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for each in signals:
            _log.info("%s: no new work; what runs is finished", each.name)
            supervisor.stopping()
            stop_streams()
            server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        # The text of a failed bind repeats the address.
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise CannotListen(f"cannot listen on {host} port {port}: {reason}") from error
    # Inherited by every connection; without it a kept connection waits 40 ms for each answer's second packet.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _warn_of_plain_http(settings: Settings, listening: socket.socket) -> None:
    if settings.tls_cert is None and not ip_address(listening.getsockname()[0]).is_loopback:
        _log.warning(
            "without TLS whoever can read this server's network sees names, sizes and tokens, and can use a token "
            "for as long as it is valid: set PIRAGUA_TLS_CERT and PIRAGUA_TLS_KEY, or put TLS in front"
        )


def _note_expiry(settings: Settings, instance: Instance) -> None:
    """Of the certificate that was just loaded: the file can be a newer one by the time somebody asks."""
    if settings.tls_cert is None:
        return
    try:
        instance.certificate_expires = certificate.expires(settings.tls_cert)
    except (certificate.Unreadable, OSError) as error:
        instance.certificate_expires = None
        _log.warning("it cannot be told when the certificate expires: %s", error)


def _secrets(settings: Settings) -> list[str]:
    """The keys as texts, for the log to keep out."""
    keys = (secret(settings.admin_key), secret(settings.user_key))
    return [key.decode(errors="surrogateescape") for key in keys if key]


def _text(path: object) -> str | None:
    return None if path is None else str(path)
