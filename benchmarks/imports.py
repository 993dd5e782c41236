"""Import time of a first request and of the command line.

    python benchmarks/imports.py [-o FILE]

Each number is the median wall time of a fresh process, less that of a process that imports
rewardsmith alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

RUNS = 7
MAKE = "from rewardsmith.llm.providers import make_provider; make_provider({!r}, 'http://127.0.0.1:9/v1')"
CASES = {
    "rewardsmith alone": "import rewardsmith",
    "a provider for openai": MAKE.format("openai/x"),
    "a provider for anthropic": MAKE.format("anthropic/x"),
    "list prices": "from rewardsmith.llm.prices import prices_of; prices_of('openai/gpt-6-sol')",
    "rewardsmith --help": "import sys; sys.argv = ['rewardsmith', '--help']; import rewardsmith.cli as c; c.main()",
}


def median_s(script: str) -> float:
    times = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    found = {name: median_s(script) for name, script in CASES.items()}
    base = found["rewardsmith alone"]
    added = {name: round(seconds - base, 3) for name, seconds in found.items()}
    for name, seconds in found.items():
        print(f"{name:28} {seconds:6.3f} s   adds {added[name]:6.3f} s")
    if given.output:
        versions = {name: version(name) for name in ("openai", "anthropic", "genai-prices")}
        result = {
            "runs": RUNS,
            "cores": os.cpu_count(),
            "versions": versions,
            "median_s": found,
            "adds_s": added,
        }
        given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
