"""One answer of the `gluster` program: its verdict first, then its XML, read with suspicion."""

from dataclasses import dataclass
from uuid import UUID
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from piragua.errors import GlusterError
from piragua.gluster.child import Output
from piragua.gluster.classify import classify


@dataclass(frozen=True)
class Answer:
    """A successful answer to argv. complaints: what was printed besides it."""

    argv: tuple[str, ...]
    root: Element
    complaints: str = ""

    def unreadable(self, what: str) -> GlusterError:
        """The error for an answer that lacks something, or has something unexpected in it."""
        return GlusterError(self.argv, 0, f"the answer cannot be read: {what}")

    def text(self, element: Element, tag: str) -> str:
        """Text of the child called tag. GlusterError when there is none, or it is empty."""
        value = (element.findtext(tag) or "").strip()
        if not value:
            raise self.unreadable(f"no <{tag}> in <{element.tag}>")
        return value

    def number(self, element: Element, tag: str) -> int:
        """The child called tag as a whole number. GlusterError when it is none."""
        value = self.text(element, tag)
        try:
            return int(value)
        except ValueError:
            raise self.unreadable(f"<{tag}> is no number") from None

    def identity(self, element: Element, tag: str) -> str:
        """The child called tag, a UUID, as 32 hex digits. GlusterError when it is none."""
        value = self.text(element, tag)
        try:
            return UUID(value).hex
        except ValueError:
            raise self.unreadable(f"<{tag}> is no UUID") from None


def read(argv: tuple[str, ...], output: Output) -> Answer:
    """The answer that output is. The error it stands for, a GlusterError, when it is not a success.

    The verdict is <opRet>; the exit status is 0 for many failures (glusterfs 10.3 behaviour).
    """
    complaints = output.stderr.decode(errors="replace").strip()
    if b"<cliOutput" not in output.stdout:
        raise _plain_refusal(argv, output)
    # A document type is where XML's attacks live, and Gluster never sends one.
    if b"<!DOCTYPE" in output.stdout:
        raise GlusterError(argv, 0, "the answer cannot be read: it declares a document type")
    try:
        root = ElementTree.fromstring(output.stdout)  # noqa: S314 (no document type, bounded size)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise GlusterError(argv, 0, f"the answer cannot be read: {error}") from error
    answer = Answer(argv, root, complaints)
    verdict = classify(
        argv, answer.number(root, "opRet"), _number_or_zero(root, "opErrno"), root.findtext("opErrstr") or ""
    )
    if verdict is not None:
        raise verdict
    return answer


def read_plain(argv: tuple[str, ...], output: Output) -> str:
    """What a command that knows no XML printed. GlusterError when it failed."""
    if output.status != 0:
        raise _plain_refusal(argv, output)
    return output.stdout.decode(errors="replace").strip()


def _plain_refusal(argv: tuple[str, ...], output: Output) -> GlusterError:
    printed = b"\n".join((output.stdout, output.stderr)).decode(errors="replace").strip()
    text = printed or f"no answer and no reason (exit status {output.status})"
    return classify(argv, -1, 0, text) or GlusterError(argv, 0, text)


def _number_or_zero(root: Element, tag: str) -> int:
    try:
        return int(root.findtext(tag) or 0)
    except ValueError:
        return 0
