"""`piragua completion`: what a shell needs to complete commands, options and names of volumes."""

import click
from click.shell_completion import get_completion_class

_PROGRAM = "piragua"
_VARIABLE = "_PIRAGUA_COMPLETE"
SHELLS = ("bash", "zsh")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what completes `piragua` in bash or zsh. The packages install it.

    \b
    For yourself alone:
      piragua completion bash > ~/.local/share/bash-completion/completions/piragua
      piragua completion zsh > ~/.zfunc/_piragua      (with ~/.zfunc in fpath)
    """
    click.echo(script(context.find_root().command, shell), nl=False)


def script(command: click.Command, shell: str) -> str:
    """The script for that shell."""
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"there is no completion for {shell}")
    completer = made(command, {}, _PROGRAM, _VARIABLE)
    return completer.source_template % completer.source_vars()
