"""A storm in figures."""

from tests.storm.storm import Result


def report(result: Result) -> str:
    """The figures, as docs/reliability.md has them."""
    lines = [f"seed {result.seed}, {result.seconds / 60:g} minutes, {result.told.operations} operations"]
    lines += [f"  {count:6} {what}" for what, count in sorted(result.told.answers.items())]
    lines += [f"  {count:6} x {what}" for what, count in sorted(result.faults.items())]
    lines += [f"{result.volumes_left} volumes at the end; {len(result.wrong)} things wrong"]
    return "\n".join(lines + [f"  WRONG: {line}" for line in result.wrong])
