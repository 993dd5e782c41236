"""Write the export: ``reward.py``, ``reward.json``, ``policy.zip``, ``vecnormalize.pkl``.

If the reward file has another name, the other files have its name too, so that one folder can have
several exports.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from rewardsmith.api.export.module import reward_module
from rewardsmith.api.export.policy import export_policy
from rewardsmith.engine.workers.executor import Executor
from rewardsmith.errors import RunError
from rewardsmith.journal import disk_error
from rewardsmith.program import NATIVE
from rewardsmith.run.best import shipped_trial
from rewardsmith.run.folder import RunFolder, write_whole
from rewardsmith.run.scores import fitness_by_seed
from rewardsmith.run.seals import check_seal
from rewardsmith.run.state import RunState

_REWARD = "reward.py"


def export_run(
    run: RunFolder,
    state: RunState,
    program: str,
    target: Path | None,
    executor: Executor,
) -> Path:
    """Write the export of a program; returns its folder.

    Args:
        target: a folder, or the path that ``reward.py`` shall have; the run's ``export`` folder
            when None.
        executor: where the policy is built.

    Raises:
        RunError: the target cannot be written, or the program was changed since it was checked.
    """
    check_seal(run, state, program)
    folder, name = _target(run, target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        facts = provenance(run, state, program)
        source = reward_module(run.task(), run.program(program), facts, name)
        prefix = policy_prefix(name)
        write_whole(folder / name, source)
        export_policy(run, shipped_trial(state, program), folder, executor, prefix)
        facts["policy"]["sha256"] = hashlib.sha256(
            (folder / f"{prefix}policy.zip").read_bytes()
        ).hexdigest()
        write_whole((folder / name).with_suffix(".json"), json.dumps(facts, indent=1) + "\n")
    except OSError as error:
        raise disk_error(folder, error) from error
    return folder


def policy_prefix(name: str) -> str:
    """The prefix of the names of the policy's files."""
    return "" if name == _REWARD else f"{Path(name).stem}_"


def provenance(run: RunFolder, state: RunState, program: str) -> dict[str, Any]:
    """The provenance and the measurements of a program, as JSON."""
    manifest = run.manifest()
    config = manifest["config"]
    scores = {rung: _scores(state, program, rung) for rung in ("selection", "report")}
    trial = shipped_trial(state, program)
    return {
        "program": program,
        "run": run.name,
        "task": config["task"],
        "goal": run.task().goal,
        "environment": run.task().env_id,
        "written_by": run.config().written_by,
        "strategy": config["strategy"],
        "slot": list(state.programs[program]),
        "parents": list(run.lineage(program).parents),
        "fitness": scores,
        "native_fitness": _scores(state, NATIVE, "report"),
        "policy": {"seed": trial.seed, "rung": trial.rung},
        "spent": {
            "requests": state.requests,
            "tokens": state.tokens,
            "usd": None if state.unpriced else state.usd,
            "steps": state.steps,
            "active_s": state.active_s,
        },
        "training": {"algorithm": run.task().spec.training.algorithm, "steps": config["steps"]},
        "gamma": run.task().spec.training.gamma,
        "digests": {key: manifest[f"{key}_digest"] for key in ("config", "task", "prompts")},
        "sandbox": manifest["sandbox"]["level"],
        "versions": manifest["versions"],
        "created": manifest["created"],
    }


def _scores(state: RunState, program: str, rung: str) -> dict[str, Any] | None:
    """Fitness by training seed with its interval; None when there is none."""
    score = state.score(program, rung)
    if score is None:
        return None
    by_seed = {
        str(seed): fitness for seed, fitness in fitness_by_seed(state, program, rung).items()
    }
    rates = [
        trial.success_rate
        for trial in state.trials_of(program, rung)
        if trial.success_rate is not None
    ]
    return {
        "mean": score.mean,
        "interval_95": [score.low, score.high],
        "by_seed": by_seed,
        "success_rate": sum(rates) / len(rates) if rates else None,
    }


def _target(run: RunFolder, target: Path | None) -> tuple[Path, str]:
    if target is None:
        return run.export_folder, _REWARD
    if target.suffix == ".py":
        if not target.stem.isidentifier():
            raise RunError(f"{target.name} cannot be imported", "choose a name like reward.py")
        return target.parent, target.name
    return target, _REWARD
