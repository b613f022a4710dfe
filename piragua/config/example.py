"""What documents say about the settings, rendered from the settings themselves."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import SecretBytes
from pydantic.fields import FieldInfo

from piragua.config.settings import FrontEndSettings, fields

_HEAD = """\
# Settings of Piragua, read by piragua.service from /etc/piragua/environment.
# A line without the # in front sets a value; what is commented out here shows an example.
# The syntax is that of systemd's EnvironmentFile=. A wrong setting stops the start with
# one sentence in the log and exit status 3.
"""

_ORIGINAL = """\
# The original Piragua's names go on working; a name from above wins.
# GLUSTER_VOL: as PIRAGUA_VOLUMES. ROCKET_ADDRESS: as PIRAGUA_HOST. ROCKET_PORT: as PIRAGUA_PORT.
# JWT_SECRET: base64 of the admin key. Other ROCKET_ names are ignored.
"""


def example(front_ends: Sequence[type[FrontEndSettings]]) -> str:
    """The text of `environment.example`: every setting, those of front-ends last, commented out."""
    return "\n".join([_HEAD, *(_paragraph(field) for field in fields(front_ends)), _ORIGINAL])


def table(front_ends: Sequence[type[FrontEndSettings]]) -> str:
    """A Markdown table of every setting: name, default, meaning."""
    lines = "".join(
        f"| `{name}` | {default or 'not set'} | {meaning} |\n" for name, default, meaning in rows(front_ends)
    )
    return f"| Setting | Default | Meaning |\n|---|---|---|\n{lines}"


def rows(front_ends: Sequence[type[FrontEndSettings]]) -> Iterator[tuple[str, str, str]]:
    """Every setting: its name, its default as one would write it ("": none), its meaning."""
    for field in fields(front_ends):
        yield str(field.validation_alias), _default(field), field.description or ""


def introduction() -> str:
    """What holds for all settings, as plain text."""
    return _uncommented(_HEAD)


def original_names() -> str:
    """The original Piragua's names that go on working, as plain text."""
    return _uncommented(_ORIGINAL)


def _uncommented(text: str) -> str:
    return "\n".join(line.removeprefix("#").strip() for line in text.splitlines())


def _paragraph(field: FieldInfo) -> str:
    return "\n".join([*_comment(field), f"#{field.validation_alias}={(field.examples or [''])[0]}", ""])


def _comment(field: FieldInfo) -> Iterator[str]:
    text = (field.description or "").replace("`", "")
    if default := _default(field):
        text += f" Default: {default}."
    yield from textwrap.wrap(text, 95, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _default(field: FieldInfo) -> str:
    """The default as one would write it in the environment; empty: there is none."""
    match field.default:
        case None | SecretBytes():
            return ""
        case bool(value):
            return str(value).lower()
        case int() | float() | str() | Path():
            return str(field.default)
        case Mapping() | tuple() if not field.default:
            return ""
        case other:
            raise TypeError(f"no text for the default {other!r}")
