"""Whether the certificate and its key can be served with, found out before the service starts."""

import ssl
from pathlib import Path

from piragua.config.values import ConfigError


def check(certificate: Path, key: Path) -> None:
    """Raises ConfigError unless both files can be read and belong together."""
    for name, path in (("PIRAGUA_TLS_CERT", certificate), ("PIRAGUA_TLS_KEY", key)):
        try:
            path.open("rb").close()
        except OSError as error:
            raise ConfigError(f"{name} names a file that cannot be read ({error.strerror}).") from None
    try:
        # The password keeps OpenSSL from asking the terminal for one.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError):
        raise ConfigError("PIRAGUA_TLS_CERT and PIRAGUA_TLS_KEY are not a certificate and its key.") from None
