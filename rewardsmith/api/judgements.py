"""The answers of a run's labellers as a JSON file, to keep them or to add those of other people."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from rewardsmith.errors import UsageError
from rewardsmith.run.events import fold
from rewardsmith.run.folder import RunFolder, write_whole
from rewardsmith.run.inbox import say_to
from rewardsmith.run.judgements import Judgement
from rewardsmith.run.user_events import Judged

_LIST = TypeAdapter(list[Judgement])


class Imported(NamedTuple):
    """How many judgements of a file were added, and how many are about trainings of another run."""

    added: int
    foreign: int


def export_judgements(run: RunFolder, path: str | Path) -> int:
    """Write the judgements of a run; returns their number.

    Raises:
        RunError: the file cannot be written.
    """
    found = fold(run.events()).known_judgements()
    write_whole(Path(path), _LIST.dump_json(found, indent=1).decode() + "\n")
    return len(found)


def import_judgements(run: RunFolder, path: str | Path) -> Imported:
    """Add judgements that another copy of the run was given.

    Raises:
        UsageError: the file cannot be read, or does not hold judgements.
        RunError: the run cannot be written.
    """
    try:
        found = _LIST.validate_json(Path(path).read_bytes())
    except (OSError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise UsageError(
            f"{path} holds no judgements: {first}", "give a file that label --export wrote"
        ) from None
    state = fold(run.events())
    known = [one for one in found if one.trials <= state.trials.keys()]
    new = [one for one in known if state.judgement(one.pair, one.by) != one]
    for one in new:
        say_to(run, Judged(found=one))
    return Imported(len(new), len(found) - len(known))
