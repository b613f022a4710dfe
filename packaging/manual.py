"""Print piragua.8 or piragua-environment.5, from what the program itself says:  manual.py MODULES PAGE

MODULES is the folder that holds Piragua and all that it needs.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any


def plain(text: str) -> str:
    """Text that troff shows as it is."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return re.sub(r"^\.", r"\\\&.", re.sub("`([^`]*)`", r"\\fB\1\\fR", escaped), flags=re.MULTILINE)


def head(name: str, section: int, purpose: str, version: str) -> str:
    """The beginning of each page."""
    title = f'.TH {name.upper().replace("-", chr(92) + "-")} {section} "" "Piragua {version}" "Piragua"\n'
    return f"{title}.SH NAME\n{plain(name)} \\- {plain(purpose)}\n"


def program() -> str:
    """piragua(8): every command, from their own help."""
    import click

    from piragua import __version__
    from piragua.cli import main as program_module
    from piragua.cli.asking.connection import ConnectionOption

    main = program_module.main
    lines = [head("piragua", 8, "thin volumes on Gluster over Heketi's REST API", __version__)]
    lines.append(".SH SYNOPSIS\n.B piragua\n.I COMMAND\n[\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n")
    lines.append(f".SH DESCRIPTION\n{_paragraphs(main.help or '')}")
    lines.append(".SH COMMANDS\n")
    for words, command in _commands(main, ()):
        context = click.Context(command, info_name=" ".join(words))
        usage = " ".join(command.collect_usage_pieces(context))
        lines.append(
            f".TP\n.B {plain(' '.join(words))} \\fR{plain(usage)}\n{_paragraphs(command.help or '', '.IP')}"
        )
        own = [each for each in command.params if not isinstance(each, ConnectionOption)]
        lines += [f".RS\n{option}.RE\n" for option in _options(own, context)]
    shared = [each for each in main.params if isinstance(each, ConnectionOption)]
    lines.append(".SH OPTIONS OF ALL COMMANDS THAT ASK A SERVER\n")
    lines += _options(shared, click.Context(main))
    lines.append(f".SH EXIT STATUS\n{_paragraphs(_after_first(program_module.__doc__ or ''))}")
    lines.append(".SH FILES\n.TP\n.I /etc/piragua/environment\nThe settings, see piragua\\-environment(5).\n")
    lines.append(".TP\n.I /etc/piragua/client.toml, ~/.config/piragua/client.toml\n")
    lines.append("Which server is asked, and the file of the key: docs/command\\-line.md.\n")
    lines.append(".TP\n.I /usr/share/doc/piragua/docs\nOperations, compatibility with Heketi, and more.\n")
    lines.append(".SH SEE ALSO\n.BR piragua\\-environment (5),\n.BR gluster (8)\n")
    return "".join(lines)


def _commands(group: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _commands(command, (*words, name))
        elif not command.hidden:
            yield (*words, name), command


def _options(parameters: Any, context: Any) -> list[str]:
    """A paragraph for each that has a help text."""
    records = [each.get_help_record(context) for each in parameters]
    return [f".TP\n.B {plain(record[0])}\n{plain(record[1])}\n" for record in records if record and record[1]]


def _after_first(docstring: str) -> str:
    return inspect.cleandoc(docstring).partition("\n\n")[2]


def _paragraphs(text: str, between: str = ".PP") -> str:
    found = [_filled(each) for each in inspect.cleandoc(text).split("\n\n")]
    return f"{between}\n".join(each for each in found if each)


def _filled(paragraph: str) -> str:
    """The paragraph; one that begins with \\b, click's sign, keeps its lines."""
    if paragraph.startswith("\b"):
        return f".nf\n{plain(paragraph.removeprefix(chr(8)).strip())}\n.fi\n"
    words = " ".join(paragraph.split())
    return f"{plain(words)}\n" if words else ""


def settings() -> str:
    """piragua-environment(5): every setting, from the settings themselves."""
    from piragua import __version__
    from piragua.config import example
    from piragua.frontends.registry import front_end_settings

    lines = [head("piragua-environment", 5, "the settings of Piragua", __version__)]
    lines.append(".SH SYNOPSIS\n.I /etc/piragua/environment\n.SH DESCRIPTION\n")
    lines.append(_paragraphs(example.introduction()))
    lines.append(".SH SETTINGS\n")
    for name, default, meaning in example.rows(front_end_settings()):
        shown = f" Default: {default}." if default else ""
        lines.append(f".TP\n.B {plain(name)}\n{plain(meaning + shown)}\n")
    lines.append(f".SH THE ORIGINAL'S NAMES\n{_paragraphs(example.original_names())}")
    lines.append(".SH SEE ALSO\n.BR piragua (8),\n.BR systemd.exec (5)\n")
    return "".join(lines)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    print({"piragua.8": program, "piragua-environment.5": settings}[sys.argv[2]](), end="")
