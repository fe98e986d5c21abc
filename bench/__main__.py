"""python -m bench NAME [--quick]"""

import argparse
import importlib
import json

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
)


def main() -> None:
    """Run one benchmark; its figures are the last line, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes; noisier")
    given = parser.parse_args()
    print(json.dumps(importlib.import_module(f"bench.{given.name}").run(quick=given.quick)))


if __name__ == "__main__":
    main()
