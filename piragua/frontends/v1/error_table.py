"""From what went wrong to the answer, in the sentences that clients of this version of the API know."""

from piragua import errors
from piragua.http.error_table import BASE, Row


def _not_served(error: errors.NotServed) -> str:
    return "No clusters configured" if error.wanted is None else f"Cluster id {error.wanted} not found"


def _ineligible(error: errors.Ineligible) -> str:
    if error.takes_others:
        return "Cluster does not support requested volume type"
    return "Cluster has disabled all volume types"


def _none_fits(error: errors.NoneFits) -> str:
    none_eligible = all(isinstance(each, errors.Ineligible) for each in error.reasons.values())
    head = "No eligible cluster for volume" if none_eligible else "Unable to create volume on any cluster:"
    reasons = ((each, TABLE.row_of(reason).text_of(reason)) for each, reason in error.reasons.items())
    return "\n".join([head, *(f"Cluster {each}: {reason}" for each, reason in reasons)])


TABLE = BASE.with_rows(
    {
        errors.NotFound: Row(404, "Id not found"),
        errors.NotServed: Row(400, _not_served),
        errors.Ineligible: Row(500, _ineligible),
        errors.NoneFits: Row(500, _none_fits),
        errors.TooManyOperations: Row(429, "Server busy. Retry operation later.", {"Retry-After": "1"}),
    }
)
