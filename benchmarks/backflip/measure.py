"""Whether an episode shows a backflip. Written before any run; neither the loop nor a judge sees it.

A backflip is a whole turn of the torso backwards, made in the air, that ends on the feet:

- the pitch falls by at least 1.9 pi from its start;
- the torso is more than 0.3 m below its start at no step of the turn in which it is upside down
  (a quarter turn around the inverted position), so it does not roll over its back;
- afterwards, in the last ten steps of the episode (half a second), the torso is upright within
  0.6 rad of a whole number of turns.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

TURN = 1.9 * np.pi
ON_ITS_BACK = -0.3  # m
UPRIGHT = 0.6  # rad
AT_THE_END = 10  # steps


def is_backflip(episode: Any) -> bool:
    """Whether the episode is a backflip, from its fields ``pitch`` and ``height``."""
    pitch = np.asarray(episode.fields["pitch"]) - float(episode.fields["pitch"][0])
    height = np.asarray(episode.fields["height"])
    if pitch.min() > -TURN:
        return False
    first_turn = pitch[: int(np.argmax(pitch <= -TURN)) + 1]
    inverted = np.abs(first_turn + np.pi) < np.pi / 4
    in_the_air = bool((height[: len(first_turn)][inverted] > ON_ITS_BACK).all())
    ends = np.abs((pitch[-AT_THE_END:] + np.pi) % (2 * np.pi) - np.pi)
    return in_the_air and bool((ends < UPRIGHT).all())


def main() -> None:
    """Print the share of backflips among the evaluation episodes of each training of a run."""
    from rewardsmith.run.folder import RunFolder
    from rewardsmith.run.trial_folder import TrialFolder

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("run", type=Path, help="folder of a run, or of rewardsmith train")
    run = RunFolder(arguments.parse_args().run)
    for folder in sorted(run.path.glob("programs/*/trials/*")):
        found = [is_backflip(episode) for episode in TrialFolder(folder).episodes()]
        share = f"{np.mean(found):.0%}" if found else "-"
        print(folder.parents[1].name, folder.name, share)


if __name__ == "__main__":
    main()
