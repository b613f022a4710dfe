"""The audit trail: one line for every change, and for every attempt at one: who, what, when, and how it ended.

Its lines are of the logger `piragua.audit`, and are written at every level of the log.
"""

import json
import logging
from collections.abc import Mapping

from piragua.log.request import Asked, current

_log = logging.getLogger("piragua.audit")
_ITSELF: Mapping[str, object] = {"role": "piragua"}


def asked_for(asked: Asked, status: int, outcome: str) -> None:
    """A request that may change something was answered. outcome: accepted, succeeded, refused or failed."""
    fields = {**asked.who(), "method": asked.method, "path": asked.path, "status": status, "outcome": outcome}
    if asked.volume_id:
        fields["volume"] = asked.volume_id
    if asked.body is not None:
        fields["body"] = json.dumps(asked.body.model_dump(exclude_unset=True), default=str)
    if asked.error:
        fields["error"] = asked.error
    _log.info("%s %s", asked.method, asked.route, extra={"fields": fields})


def ended(what: str, volume_id: str, *, outcome: str, seconds: float, error: str = "") -> None:
    """Long work came to its end: for whom it is done, if that is known here.

    outcome: succeeded, failed, or unknown, when it cannot be told yet; then and when it failed, error says why.
    """
    asked = current.get()
    fields = {
        **(_ITSELF if asked is None else asked.who()),
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
