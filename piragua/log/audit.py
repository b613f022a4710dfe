"""The audit trail: one line for every change, and for every attempt at one: who, what, when, and how it ended.

Its lines are of the logger `piragua.audit`, and are written at every level of the log.
"""

import json
import logging
from collections.abc import Mapping

from piragua.log.request_context import RequestContext, current_request

_log = logging.getLogger("piragua.audit")
_ITSELF: Mapping[str, object] = {"role": "piragua"}


def asked_for(context: RequestContext, status: int, outcome: str) -> None:
    """A request that may change something was answered. outcome: accepted, succeeded, refused or failed."""
    fields = {
        **context.who(),
        "method": context.method,
        "path": context.path,
        "status": status,
        "outcome": outcome,
    }
    if context.volume_id:
        fields["volume"] = context.volume_id
    if context.body is not None:
        fields["body"] = json.dumps(context.body.model_dump(exclude_unset=True), default=str)
    if context.error:
        fields["error"] = context.error
    _log.info("%s %s", context.method, context.route, extra={"fields": fields})


def ended(what: str, volume_id: str, *, outcome: str, seconds: float, error: str = "") -> None:
    """Long work came to its end: for whom it is done, if that is known here.

    outcome: succeeded, failed, or unknown, when it cannot be told yet; then and when it failed, error says why.
    """
    context = current_request.get()
    fields = {
        **(_ITSELF if context is None else context.who()),
        "volume": volume_id,
        "outcome": outcome,
        "seconds": round(seconds, 3),
    }
    if error:
        fields["error"] = error
    _log.info("%s", what, extra={"fields": fields})


def changed(what: str, volume_id: str) -> None:
    """Piragua itself has changed a volume, such as purged it when its time had come."""
    _log.info("%s", what, extra={"fields": {**_ITSELF, "volume": volume_id, "outcome": "succeeded"}})
