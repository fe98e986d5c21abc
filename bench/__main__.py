"""python -m bench NAME [--quick] [--store postgresql]"""

import argparse
import importlib
import json

from bench.stores import STORES

NAMES = (
    "deliver",
    "ingest",
    "peer",
    "lateness",
    "hostile",
    "fairness",
    "growth",
    "footprint",
    "churn",
    "storm",
    "throughput",
)
ON_EITHER = ("deliver", "ingest", "lateness", "growth", "storm")


def main() -> None:
    """Run one benchmark; its figures are the last line, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes; noisier")
    parser.add_argument(
        "--store", choices=STORES, default=STORES[0], help=f"for {', '.join(ON_EITHER)}"
    )
    given = parser.parse_args()
    if given.store != STORES[0] and given.name not in ON_EITHER:
        parser.error(f"{given.name} is measured on {STORES[0]} only")
    where = {"store": given.store} if given.name in ON_EITHER else {}
    print(
        json.dumps(importlib.import_module(f"bench.{given.name}").run(quick=given.quick, **where))
    )


if __name__ == "__main__":
    main()
