"""The drawing of the errors is the errors."""

import textwrap

from piragua import errors
from piragua.errors import PiraguaError

INDENT = 2


def drawn() -> dict[str, str]:
    """The class above each, by name, as the drawing in the docstring has them."""
    above: dict[str, str] = {}
    way_down: list[str] = []
    _, _, drawing = (errors.__doc__ or "").partition("\n\n")
    lines = textwrap.dedent(drawing.partition("\n\n")[0]).splitlines()
    for line in lines:
        name = line.split()[0]
        level = (len(line) - len(line.lstrip())) // INDENT
        way_down[level:] = [name]
        above[name] = way_down[level - 1] if level else "Exception"
    return above


def test_the_drawing_has_every_class_in_its_place() -> None:
    classes = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, PiraguaError)]
    assert drawn() == {each.__name__: each.__base__.__name__ for each in classes if each.__base__}
