"""Write the export: ``reward.py``, ``reward.json``, ``policy.zip``, ``vecnormalize.pkl``.

On request also ``policy.onnx``, and ``README.md``, which is the model card of an upload.

If the reward file has another name, the other files have its name too, so that one folder can have
several exports.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

from rewardsmith.api.export.card import model_card
from rewardsmith.api.export.extras import NOTHING_MORE, Extras
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
from rewardsmith.run.trials import ONNX

_REWARD, _CARD = "reward.py", "README.md"


def export_run(
    run: RunFolder,
    state: RunState,
    program: str,
    target: Path | None,
    executor: Executor,
    trial: TrialState | None = None,
    extras: Extras = NOTHING_MORE,
) -> Path:
    """Write the export of a program; returns its folder.

    Args:
        target: a folder, or the path that ``reward.py`` shall have; the run's ``export`` folder
            when None.
        executor: where the policy is built.
        trial: the trial whose policy is exported; by default the one with the highest validation
            fitness.
        extras: what is done beyond that; see :meth:`Extras.check`.

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
        files = export_policy(run, shipped, folder, executor, prefix, extras.onnx)
        digest = hashlib.sha256((folder / f"{prefix}policy.zip").read_bytes()).hexdigest()
        facts = replace(facts, policy=replace(facts.policy, sha256=digest))
        text = json.dumps(asdict(facts), indent=1) + "\n"
        evidence = Path(name).with_suffix(".json").name
        write_whole(folder / evidence, text)
        files = [name, evidence, *files]
        if extras.wanted:
            inputs = _inputs(folder / f"{prefix}{ONNX}") if extras.onnx else []
            subgoals = "subgoals" in run.program(program).verdict.entries
            text = model_card(run.task(), facts, name, prefix, inputs, subgoals)
            write_whole(folder / f"{prefix}{_CARD}", text)
            files.append(f"{prefix}{_CARD}")
    except OSError as error:
        raise disk_error(folder, error) from error
    extras.upload(folder, files, card=f"{prefix}{_CARD}")
    return folder


def _inputs(path: Path) -> list[str]:
    """Names of the inputs of an ONNX file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return [one.name for one in session.get_inputs()]


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
