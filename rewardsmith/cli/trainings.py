"""The result of ``rewardsmith train``, for the commands train and show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from rewardsmith.cli.command import CommandOutput

if TYPE_CHECKING:
    from rewardsmith.api.training import TrainResult
    from rewardsmith.run.folder import RunFolder
    from rewardsmith.run.state import RunState
    from rewardsmith.types import Difference, Interval


def training_record(result: TrainResult) -> dict[str, Any]:
    """The result for ``--json``."""
    folder, state = _read(result)
    return {
        "run": folder.name,
        "program": result.program,
        "folder": str(result.folder),
        "policy": None if result.policy is None else str(result.policy),
        "steps": result.steps,
        "fitness": result.score,
        "native": result.native,
        "difference": _difference(result, state),
        "fitness_by_seed": result.fitness,
        "native_by_seed": result.native_fitness,
        "failures": list(result.failures),
    }


def print_training(output: CommandOutput, result: TrainResult) -> None:
    """Print the fitness of each seed, the comparison with the native reward, and the policy."""
    from rewardsmith.cli.view import trial_table
    from rewardsmith.run.wording import proof

    _, state = _read(result)
    for failure in result.failures:
        output.warn(f"a training ended early: {failure}")
    console = output.result
    console.print(trial_table(state), "")
    console.print(
        Text("program ", "bold")
        .append(result.program)
        .append("  fitness ")
        .append(_score(result.score))
        .append(f", {result.steps:,} training steps each")
    )
    if result.native_fitness:
        console.print(Text("native reward         fitness ").append(_score(result.native)))
    found = _difference(result, state)
    if found is not None:
        console.print(proof(found, "the native reward"))
    console.print(
        str(result.policy / "policy.zip" if result.policy else result.folder),
        markup=False,
        soft_wrap=True,
    )


def _read(result: TrainResult) -> tuple[RunFolder, RunState]:
    from rewardsmith.run.events import fold
    from rewardsmith.run.folder import RunFolder

    folder = RunFolder(result.folder)
    return folder, fold(folder.events())


def _difference(result: TrainResult, state: RunState) -> Difference | None:
    from rewardsmith.run.scores import native_difference

    return native_difference(state, result.program, "selection")


def _score(score: Interval | None) -> str:
    return (
        "none, a training did not finish"
        if score is None
        else f"{score} over {score.n} seed{'s' * (score.n > 1)}"
    )
