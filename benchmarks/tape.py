"""A run's replies as a file for `--replies`: the demo's tape was made like this.

python benchmarks/tape.py RUN -o replies.json --model "who answered" --note "how"
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def tape(run: Path, model: str, note: str) -> dict[str, object]:
    lines = [
        json.loads(line) for line in (run / "llm.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    replies = [
        {
            "round": line["slot"][0],
            "sample": line["slot"][1],
            "attempt": line["slot"][2],
            "text": line["reply"]["text"],
            "finish_reason": line["reply"]["finish_reason"],
        }
        for line in sorted(lines, key=lambda line: line["slot"])
    ]
    return {"model": model, "recorded": lines[0]["at"][:10], "note": note, "replies": replies}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--note", default="")
    options = parser.parse_args()
    recorded = tape(options.run, options.model, options.note)
    options.output.write_text(
        json.dumps(recorded, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
