"""Write the export: ``reward.py``, ``reward.json``, ``policy.zip``, ``vecnormalize.pkl``.

If the reward file has another name, the other files have its name too, so that one folder can have
several exports.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

from rewardsmith.api.export.module import reward_module
from rewardsmith.api.export.policy import export_policy
from rewardsmith.api.export.provenance import provenance
from rewardsmith.engine.workers.executor import Executor
from rewardsmith.errors import RunError
from rewardsmith.journal import disk_error
from rewardsmith.run.best import shipped_trial
from rewardsmith.run.folder import RunFolder, write_whole
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.seals import check_seal
from rewardsmith.run.state import RunState

_REWARD = "reward.py"


def export_run(
    run: RunFolder,
    state: RunState,
    program: str,
    target: Path | None,
    executor: Executor,
    trial: TrialState | None = None,
) -> Path:
    """Write the export of a program; returns its folder.

    Args:
        target: a folder, or the path that ``reward.py`` shall have; the run's ``export`` folder
            when None.
        executor: where the policy is built.
        trial: the trial whose policy is exported; by default the one with the highest validation
            fitness.

    Raises:
        RunError: the target cannot be written, or the program was changed since it was checked.
    """
    check_seal(run, state, program)
    shipped = trial or shipped_trial(state, program)
    folder, name = _target(run, target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        facts = provenance(run, state, program, shipped)
        source = reward_module(run.task(), run.program(program), facts, name)
        prefix = policy_prefix(name)
        write_whole(folder / name, source)
        export_policy(run, shipped, folder, executor, prefix)
        digest = hashlib.sha256((folder / f"{prefix}policy.zip").read_bytes()).hexdigest()
        facts = replace(facts, policy=replace(facts.policy, sha256=digest))
        text = json.dumps(asdict(facts), indent=1) + "\n"
        write_whole((folder / name).with_suffix(".json"), text)
    except OSError as error:
        raise disk_error(folder, error) from error
    return folder


def policy_prefix(name: str) -> str:
    """The prefix of the names of the policy's files."""
    return "" if name == _REWARD else f"{Path(name).stem}_"


def _target(run: RunFolder, target: Path | None) -> tuple[Path, str]:
    if target is None:
        return run.export_folder, _REWARD
    if target.suffix == ".py":
        if not target.stem.isidentifier():
            raise RunError(f"{target.name} cannot be imported", "choose a name like reward.py")
        return target.parent, target.name
    return target, _REWARD
