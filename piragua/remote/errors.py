"""How asking a server goes wrong. Light to load: what asks a server is not."""

from piragua.errors import PiraguaError


class ServerError(PiraguaError):
    """The server could not be asked, or refused, in its own words. status: 0 where it did not answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class WrongSetting(PiraguaError):
    """What says where the server is, or whom to trust, cannot be right."""
