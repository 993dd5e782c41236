"""Run in another profile by the tests: ``report`` prints what holds there."""

from __future__ import annotations

import json
import sys

from rewardsmith.sandbox.report import sandbox_report

if __name__ == "__main__":
    if sys.argv[1] == "report":
        print(json.dumps(sandbox_report().as_json()))
