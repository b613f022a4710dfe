"""What clients of the storm were told, and what must therefore be so."""

import threading
from collections import Counter
from dataclasses import dataclass, field

GIB = 2**30


@dataclass
class Known:
    """A volume that a client was told about. sizes: what it may have (GiB), more than one after an unclear expand.

    deleting: a delete was asked for. deleted: and told as done. marker: the text that was written into it.
    """

    name: str
    sizes: set[int]
    deleting: bool = False
    deleted: bool = False
    marker: str = ""


@dataclass
class Told:
    """Of all clients together; a volume is changed by one client only, and read by all."""

    volumes: dict[str, Known] = field(default_factory=dict)
    asked_names: set[str] = field(default_factory=set)
    failed_ids: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    lies: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def count(self, operation: str, end: str) -> None:
        with self.guard:
            self.answers[f"{operation}: {end}"] += 1

    def lie(self, text: str) -> None:
        with self.guard:
            self.lies.append(text)

    @property
    def operations(self) -> int:
        return self.answers.total()

    def standing(self) -> dict[str, Known]:
        """Volumes that nobody has asked to delete."""
        with self.guard:
            return {each: known for each, known in self.volumes.items() if not known.deleting}

    def wrong_at_the_end(self, sizes_gib: dict[str, int], names: dict[str, str]) -> list[str]:
        """What is not as it was told. sizes_gib, names: of the volumes that are there, by id."""
        wrong = list(self.lies)
        for volume_id, known in self.volumes.items():
            if known.deleted and volume_id in sizes_gib:
                wrong.append(f"{volume_id} was told as deleted and is there")
            if not known.deleting and volume_id not in sizes_gib:
                wrong.append(f"{volume_id} was told as made and is missing")
            if volume_id in sizes_gib and sizes_gib[volume_id] not in known.sizes:
                wrong.append(f"{volume_id} has {sizes_gib[volume_id]} GiB, told {sorted(known.sizes)}")
        wrong += [f"{each} was told as failed and is there" for each in self.failed_ids & sizes_gib.keys()]
        for volume_id, name in names.items():
            if volume_id not in self.volumes and name not in self.asked_names:
                wrong.append(f"{volume_id}, {name}, was asked for by nobody")
        return wrong
