"""Samples as Prometheus' text format 0.0.4.

What was counted is written by Prometheus' own library; this is for what is only looked at, with labels in the
order and whole numbers in the form that Heketi's have.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sample:
    """One line: a value for these labels."""

    name: str
    labels: Mapping[str, str]
    value: float


def exposition(samples: Iterable[Sample], helps: Mapping[str, str]) -> str:
    """The text: for each name its help, its type and its samples together.

    helps: what each name says, for every name in samples; it is the order of the text too. A name that ends in
    `_total` is a counter, any other a gauge.
    """
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for sample in samples:
        lines[sample.name].append(_line(sample))
    parts = []
    for name, text in helps.items():
        if name in lines:
            kind = "counter" if name.endswith("_total") else "gauge"
            parts += [f"# HELP {name} {text}\n", f"# TYPE {name} {kind}\n", *lines[name]]
    return "".join(parts)


def _line(sample: Sample) -> str:
    labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
    return f"{sample.name}{{{labels}}} {sample.value}\n" if labels else f"{sample.name} {sample.value}\n"


def _escaped(value: str) -> str:
    """Bytes of names that are no UTF-8 are replaced: the text has no place for them."""
    value = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return value if value.isascii() else value.encode(errors="surrogateescape").decode(errors="replace")
