"""How a server is reached: its URL, whom to trust, and through which proxy."""

import re
import ssl
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from piragua.remote.errors import WrongSetting

_URL = re.compile(r"(?i:https?)://[!-~]+")
_PROXY_SCHEMES = ("http", "https")


class Connection:
    """Makes httpx's clients for one server. The arguments are those of Server. Raises WrongSetting.

    url: without a slash at its end.
    """

    def __init__(self, url: str, *, cacert: str | None, insecure: bool, through_proxy: bool) -> None:
        if not _URL.fullmatch(url) or not _has_host_and_port(url):
            raise WrongSetting(f"the server is given as http://host:port or https://host:port, not {url!r}")
        self.url = url.rstrip("/")
        self._trusted = _trusted(urlsplit(url).scheme, cacert, insecure=insecure)
        self._proxy = _proxy(self.url) if through_proxy else None

    def client(self) -> httpx.Client:
        """Obeys nothing in the environment by itself."""
        return httpx.Client(verify=self._trusted, proxy=self._proxy, trust_env=False)

    def async_client(self) -> httpx.AsyncClient:
        """The same for an event loop."""
        return httpx.AsyncClient(verify=self._trusted, proxy=self._proxy, trust_env=False)


def _has_host_and_port(url: str) -> bool:
    """Whether it names a host, and nobody at it; a port has to be a number that can be one."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and parts.username is None
    except ValueError:
        return False


def _trusted(scheme: str, cacert: str | None, *, insecure: bool) -> ssl.SSLContext:
    """For https: the system's certificates, and those of the file cacert. insecure: any certificate.

    Nothing is read for http. Raises WrongSetting.
    """
    if scheme != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cacert is not None:
        try:
            context.load_verify_locations(cacert)
        except (OSError, ssl.SSLError) as error:
            raise WrongSetting(f"--cacert: certificates cannot be read from {cacert}: {error}") from None
    return context


def _proxy(url: str) -> str | None:
    """The URL of the proxy that http_proxy, https_proxy and no_proxy name for that server.

    urllib reads them: httpx would also obey all_proxy. Raises WrongSetting.
    """
    parts = urlsplit(url)
    found = getproxies().get(parts.scheme)
    if not found or proxy_bypass(parts.netloc):
        return None
    with_scheme = found if "://" in found else f"http://{found}"
    scheme = urlsplit(with_scheme).scheme
    if scheme not in _PROXY_SCHEMES:
        raise WrongSetting(f"{parts.scheme}_proxy names a proxy of the kind {scheme}, which cannot be used")
    return with_scheme
