"""Why a front-end itself turns a request away, before the core hears of it.

    Refusal
      AuthorizationMalformed   the Authorization header is not `bearer <token>`
      TokenRefused             missing, wrong, expired, or for another request
      AdministratorRequired    the user role may not do this
      InvalidPath              no such route
      MethodNotAllowed         a route, but not with this method
      Unparsable               the body is not the JSON that is expected
      SettingUnparsable        the same, where it is a setting's: the answer says why
      SettingRefused           no such setting, or no such value
      BodyTooLarge             the body is over the bound
      BodyTooSlow              the body did not come in time
      RequestTooSlow           the answer was not ready in time
      StillInUse               the target holds something, or something holds it
      Maintenance              an administrator lets nothing be changed

A front-end may have more of its own. The statuses are in its error table; `str()` is the text for the client.
"""


class Refusal(Exception):
    """Base of what is refused on the way in."""


class AuthorizationMalformed(Refusal):
    """The Authorization header is not `bearer <token>`."""


class TokenRefused(Refusal):
    """Missing, wrong, expired, or made for another request."""


class AdministratorRequired(Refusal):
    """The user role may not do this."""


class InvalidPath(Refusal):
    """No such route."""


class MethodNotAllowed(Refusal):
    """A route, but not with this method."""


class Unparsable(Refusal):
    """The body is not the JSON that is expected."""


class SettingUnparsable(Refusal):
    """The body of a setting is not the JSON that is expected."""


class SettingRefused(Refusal):
    """No such setting, or no such value."""


class BodyTooLarge(Refusal):
    """The body is over the bound."""


class BodyTooSlow(Refusal):
    """The body did not come in time."""


class RequestTooSlow(Refusal):
    """The answer was not ready in time."""


class StillInUse(Refusal):
    """The target holds something, or something holds it."""


class Maintenance(Refusal):
    """An administrator lets nothing be changed."""
