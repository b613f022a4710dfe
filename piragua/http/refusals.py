"""Why the front-end itself turns a request away, before the core hears of it.

    Refusal
      AuthorizationMalformed   the Authorization header is not `bearer <token>`
      TokenRefused             missing, wrong, expired, or for another request
      AdministratorRequired    the user role may not do this
      InvalidPath              no such route
      MethodNotAllowed         a route, but not with this method
      Unparsable               the body is not the JSON that is expected
      SettingUnparsable        the same, where Heketi says it in another way
      SettingRefused           no such setting, or no such value
      BodyTooLarge             the body is over the bound
      BodyTooSlow              the body did not come in time
      RequestTooSlow           the answer was not ready in time
      UnknownOperation         no operation can have this id
      UnknownPart              the request names a cluster, a node or an operation that is not there
      StillInUse               the target holds something, or something holds it
      NotForThisVolume         only other kinds of volumes have what is asked for
      Maintenance              an administrator lets nothing be changed
      AllocationFailed         the core has no room, or no free name, for what was asked

The statuses are in `error_table`; `str()` is the text for the client.
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


class UnknownOperation(Refusal):
    """No operation can have this id."""


class UnknownPart(Refusal):
    """The request names a cluster, a node or an operation that is not there."""


class StillInUse(Refusal):
    """The target holds something, or something holds it."""


class NotForThisVolume(Refusal):
    """Only other kinds of volumes have what is asked for."""


class Maintenance(Refusal):
    """An administrator lets nothing be changed."""


class AllocationFailed(Refusal):
    """No room, or no free name; the text begins with Heketi's words for the step that failed."""
