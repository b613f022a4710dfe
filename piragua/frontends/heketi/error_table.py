"""From what went wrong to Heketi's answer, in Heketi's sentences (docs/heketi-wire.md, 1.6, 5.3, 8.4)."""

from piragua import errors
from piragua.frontends.heketi import refusals
from piragua.http.error_table import BASE, Row


def sentence(error: BaseException) -> str:
    """What Heketi's clients are told of the error."""
    return TABLE.row_of(error).text_of(error)


def _not_served(error: errors.NotServed) -> str:
    return "No clusters configured" if error.wanted is None else f"Cluster id {error.wanted} not found"


def _ineligible(error: errors.Ineligible) -> str:
    if error.takes_others:
        return "Cluster does not support requested volume type"
    return "Cluster has disabled all volume types"


def _none_fits(error: errors.NoneFits) -> str:
    none_eligible = all(isinstance(each, errors.Ineligible) for each in error.reasons.values())
    head = "No eligible cluster for volume" if none_eligible else "Unable to create volume on any cluster:"
    return "\n".join([head, *(f"Cluster {each}: {sentence(reason)}" for each, reason in error.reasons.items())])


TABLE = BASE.with_rows(
    {
        # Never "Id not found": on a failed delete those words make Kubernetes forget the volume.
        refusals.UnknownOperation: Row(404),
        refusals.UnknownPart: Row(404),
        refusals.NotForThisVolume: Row(500),
        refusals.AllocationFailed: Row(500),
        errors.NotFound: Row(404, "Id not found"),
        errors.NotServed: Row(400, _not_served),
        errors.Ineligible: Row(500, _ineligible),
        errors.NoneFits: Row(500, _none_fits),
        errors.TooManyOperations: Row(429, "Server busy. Retry operation later.", {"Retry-After": "1"}),
    }
)
