"""How a server is reached: its URL, whom to trust, and through which proxy."""

import re
import ssl
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from piragua.remote.errors import WrongSetting

_URL = re.compile(r"(?i:https?)://[!-~]+")
_PROXY_SCHEMES = ("http", "https")


class Connection:
    """Makes httpx's clients for one server. The arguments are those of Server. Raises WrongSetting.

    url: without a slash at its end. origin: its scheme, host and port.
    is_forwarded: whether a proxy gets the requests themselves, and not a tunnel to the server.
    """

    def __init__(self, url: str, *, cacert: str | None, insecure: bool, through_proxy: bool) -> None:
        self.origin = _origin(url)
        self.url = url.rstrip("/")
        self._trusted = _trusted(self.origin.scheme, cacert, insecure=insecure)
        self._proxy = _proxy(self.url) if through_proxy else None
        self.is_forwarded = self._proxy is not None and self.origin.scheme == "http"

    def client(self) -> httpx.Client:
        """Obeys nothing in the environment by itself."""
        return httpx.Client(verify=self._trusted, proxy=self._proxy, trust_env=False)

    def async_client(self) -> httpx.AsyncClient:
        """The same for an event loop."""
        return httpx.AsyncClient(verify=self._trusted, proxy=self._proxy, trust_env=False)


def _origin(url: str) -> httpx.URL:
    try:
        parts = urlsplit(url)
        if _URL.fullmatch(url) and parts.hostname and parts.port != 0 and parts.username is None:
            return httpx.URL(scheme=parts.scheme, host=unquote(parts.hostname), port=parts.port)
    except (ValueError, httpx.InvalidURL):
        pass
    raise WrongSetting(f"the server is given as http://host:port or https://host:port, not {url!r}")


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


def _proxy(url: str) -> httpx.Proxy | None:
    """The proxy that http_proxy, https_proxy and no_proxy name for that server.

    urllib reads them: httpx would also obey all_proxy. Raises WrongSetting.
    """
    parts = urlsplit(url)
    found = getproxies().get(parts.scheme)
    if not found or proxy_bypass(parts.netloc):
        return None
    try:
        proxy = httpx.Proxy(found if "://" in found else f"http://{found}")
        if proxy.url.scheme in _PROXY_SCHEMES and proxy.url.host:
            return proxy
    except (ValueError, httpx.InvalidURL):
        pass
    raise WrongSetting(f"{parts.scheme}_proxy names no proxy that can be used: http://host:port is one")
