"""The long storm, as a command: tests/storm/run --minutes N --seed S. Or --large-tree ENTRIES."""

import argparse
import random
import sys

from lab.private_gluster import PrivateGluster
from tests.storm.large_tree import purge_large_tree
from tests.storm.report import report
from tests.storm.storm import storm
from tests.support.pool import gluster_volume

_BRICKS_PER_NODE = 2


def main() -> None:
    """Exit status 0 when the promise held."""
    options = _options()
    if options.large_tree:
        print("\n".join(purge_large_tree(options.large_tree)))
        return
    print(f"seed {options.seed}", flush=True)
    with PrivateGluster(nodes=options.nodes) as pool:
        with gluster_volume(pool, bricks_per_node=_BRICKS_PER_NODE) as volume:
            result = storm(volume, options.seed, options.minutes * 60, options.clients, _BRICKS_PER_NODE)
    print(report(result))
    sys.exit(1 if result.wrong else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/storm/run", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument(
        "--large-tree", type=int, default=0, metavar="ENTRIES", help="no storm: purge such a directory"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
