"""The README and the operations page, and the commands that stand in them."""

import re

from tests.support.instance import CHECKOUT

README = (CHECKOUT / "README.md").read_text()
OPERATIONS = (CHECKOUT / "docs/operations.md").read_text()


def block(beginning: str, document: str = README) -> str:
    """The indented block of the document that begins with that line, without its indentation."""
    found = re.search(rf"^    {re.escape(beginning)}.*\n((?:    .*\n|\n(?=    ))*)", document, re.MULTILINE)
    assert found is not None, f"it has no block that begins with {beginning!r}"
    return re.sub("^    ", "", found[0], flags=re.MULTILINE)
