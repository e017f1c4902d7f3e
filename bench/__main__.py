"""Runs every measure in a process of its own and prints one table; the exit status says whether all is reached."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict

from bench.measures import MEASURES
from bench.table import Figure, heading

# What one area of the product is measured by.
GROUPS = {"routing": ["deciding", "assignment", "queue"]}


def main() -> int:
    """Measure what the arguments name, everything by default."""
    parser = argparse.ArgumentParser(prog="make bench")
    known = ", ".join([*MEASURES, *GROUPS])
    parser.add_argument("only", nargs="*", help=f"measures to run: {known}")
    parser.add_argument("--raw", action="store_true", help="run one measure here, print JSON")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    asked = parser.parse_args()
    unknown = set(asked.only) - set(MEASURES) - set(GROUPS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if asked.raw:
        for figure in MEASURES[asked.only[0]]():
            print(json.dumps(asdict(figure)), flush=True)
        return 0
    names = [name for each in asked.only for name in GROUPS.get(each, [each])]
    return table(names or list(MEASURES), with_json=asked.json)


def table(names: list[str], *, with_json: bool = False) -> int:
    """Print the figures of the measures as they come."""
    figures: list[Figure] = []
    failed = []
    print(heading(), flush=True)
    for name in names:
        started = time.monotonic()
        try:
            for figure in figures_of(name):
                figures.append(figure)
                print(figure.line(), flush=True)
        except subprocess.CalledProcessError:
            failed.append(name)
        print(f"({name}: {time.monotonic() - started:.0f} s)", file=sys.stderr, flush=True)
    missed = [figure.what for figure in figures if not figure.is_reached]
    limited = [figure for figure in figures if figure.limit is not None]
    print(f"\n{len(limited) - len(missed)} of {len(limited)} limits reached", flush=True)
    for name in failed:
        print(f"not measured: {name} failed", flush=True)
    if with_json:
        print(json.dumps({"figures": [asdict(one) for one in figures], "failed": failed}))
    return 1 if missed or failed else 0


def figures_of(name: str) -> Iterator[Figure]:
    """Run a measure and return its figures one by one; raises CalledProcessError when it fails."""
    command = [sys.executable, "-m", "bench", "--raw", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith('{"what"'):
                yield Figure(**json.loads(line))
            else:
                print(line, end="", file=sys.stderr)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


if __name__ == "__main__":
    sys.exit(main())
