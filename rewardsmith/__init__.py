"""Reward functions for reinforcement learning: a language model writes them.

    import rewardsmith as rs
    run = rs.design("mountain-car", model="anthropic/…", budget=rs.Budget(tokens=200_000))
    run.export("exported")

Names are imported when they are first used, so ``import rewardsmith`` is fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers; _WHERE says the same to Python
    from rewardsmith.api.auditing import ExploitReport as ExploitReport
    from rewardsmith.api.auditing import audit as audit
    from rewardsmith.api.checking import Check as Check
    from rewardsmith.api.checking import TermRanges as TermRanges
    from rewardsmith.api.checking import check as check
    from rewardsmith.api.comparison import ComparedRun as ComparedRun
    from rewardsmith.api.doctor import Diagnosis as Diagnosis
    from rewardsmith.api.doctor import doctor as doctor
    from rewardsmith.api.estimate import Estimate as Estimate
    from rewardsmith.api.estimate import Range as Range
    from rewardsmith.api.estimate import estimate as estimate
    from rewardsmith.api.label_server import LabelServer as LabelServer
    from rewardsmith.api.label_server import label as label
    from rewardsmith.api.native import NativeAudit as NativeAudit
    from rewardsmith.api.native import audit_native as audit_native
    from rewardsmith.api.planning import Plan as Plan
    from rewardsmith.api.planning import plan as plan
    from rewardsmith.api.report.samples import sample_page as sample_page
    from rewardsmith.api.runs import DesignSettings as DesignSettings
    from rewardsmith.api.runs import Run as Run
    from rewardsmith.api.runs import design as design
    from rewardsmith.api.runs import list_runs as list_runs
    from rewardsmith.api.runs import load_run as load_run
    from rewardsmith.api.sampling import EpisodeSample as EpisodeSample
    from rewardsmith.api.sampling import sample_episodes as sample_episodes
    from rewardsmith.api.search import Question as Question
    from rewardsmith.api.search import Search as Search
    from rewardsmith.api.search import TellResult as TellResult
    from rewardsmith.api.settings import Settings as Settings
    from rewardsmith.api.strategies import StrategyInfo as StrategyInfo
    from rewardsmith.api.strategies import strategies as strategies
    from rewardsmith.api.training import TrainResult as TrainResult
    from rewardsmith.api.training import load_training as load_training
    from rewardsmith.api.training import train_program as train_program
    from rewardsmith.api.wrapper import LoadedProgram as LoadedProgram
    from rewardsmith.api.wrapper import RewardWrapper as RewardWrapper
    from rewardsmith.api.wrapper import load_program as load_program
    from rewardsmith.engine.observer import Observer as Observer
    from rewardsmith.engine.workers.executor import Call as Call
    from rewardsmith.engine.workers.executor import Execution as Execution
    from rewardsmith.engine.workers.executor import Executor as Executor
    from rewardsmith.engine.workers.executor import Resources as Resources
    from rewardsmith.episodes.files import load_episodes as load_episodes
    from rewardsmith.episodes.recording import RecordedEnv as RecordedEnv
    from rewardsmith.episodes.recording import record as record
    from rewardsmith.errors import BoundaryError as BoundaryError
    from rewardsmith.errors import NoProgram as NoProgram
    from rewardsmith.errors import ProgramError as ProgramError
    from rewardsmith.errors import RewardsmithError as RewardsmithError
    from rewardsmith.errors import RunError as RunError
    from rewardsmith.errors import UsageError as UsageError
    from rewardsmith.evidence.appraisal import Appraisal as Appraisal
    from rewardsmith.evidence.diagnosis import RunDiagnosis as RunDiagnosis
    from rewardsmith.learned.fitting import Fit as Fit
    from rewardsmith.learned.fitting import fit_preferences as fit_preferences
    from rewardsmith.learned.model import Input as Input
    from rewardsmith.learned.model import RewardModel as RewardModel
    from rewardsmith.learned.model import inputs_of as inputs_of
    from rewardsmith.learned.pairs import Pairs as Pairs
    from rewardsmith.learned.settings import FitSettings as FitSettings
    from rewardsmith.program import CheckedProgram as CheckedProgram
    from rewardsmith.program import EntryPoint as EntryPoint
    from rewardsmith.program import Program as Program
    from rewardsmith.program import Verdict as Verdict
    from rewardsmith.run.best import Best as Best
    from rewardsmith.run.folder import RunFolder as RunFolder
    from rewardsmith.run.outcomes import ExploitState as ExploitState
    from rewardsmith.run.outcomes import SlotState as SlotState
    from rewardsmith.run.outcomes import TrialState as TrialState
    from rewardsmith.run.records import SubgoalStatistics as SubgoalStatistics
    from rewardsmith.run.settings import Budget as Budget
    from rewardsmith.run.state import RunState as RunState
    from rewardsmith.run.trials import TrialProgress as TrialProgress
    from rewardsmith.sandbox.report import SandboxReport as SandboxReport
    from rewardsmith.task.drafting import task_from_env as task_from_env
    from rewardsmith.task.loading import Task as Task
    from rewardsmith.task.loading import load_task as load_task
    from rewardsmith.task.resolving import resolve_task as resolve_task
    from rewardsmith.task.vector import BatchEnv as BatchEnv
    from rewardsmith.train.prior.shaping import q_shaped as q_shaped
    from rewardsmith.train.prior.values import QPairs as QPairs
    from rewardsmith.train.term_logging import EpisodeTerms as EpisodeTerms
    from rewardsmith.train.term_logging import TermLogger as TermLogger
    from rewardsmith.train.vec_reward import VecReward as VecReward
    from rewardsmith.train.vectors import make_vec_env as make_vec_env
    from rewardsmith.train.weighted_terms import WeightedTerms as WeightedTerms
    from rewardsmith.train.weighted_terms import linear as linear
    from rewardsmith.types import Difference as Difference
    from rewardsmith.types import Episode as Episode
    from rewardsmith.types import Evaluator as Evaluator
    from rewardsmith.types import Finding as Finding
    from rewardsmith.types import Interval as Interval
    from rewardsmith.types import Output as Output
    from rewardsmith.types import Slot as Slot
    from rewardsmith.writers.recorded import RecordedReplies as RecordedReplies

__version__ = "0.1.0"

_WHERE = {
    "Appraisal": "evidence.appraisal",
    "BatchEnv": "task.vector",
    "Best": "run.best",
    "BoundaryError": "errors",
    "Budget": "run.settings",
    "Call": "engine.workers.executor",
    "Check": "api.checking",
    "CheckedProgram": "program",
    "ComparedRun": "api.comparison",
    "DesignSettings": "api.runs",
    "Diagnosis": "api.doctor",
    "Difference": "types",
    "EntryPoint": "program",
    "Episode": "types",
    "EpisodeSample": "api.sampling",
    "EpisodeTerms": "train.term_logging",
    "Estimate": "api.estimate",
    "Evaluator": "types",
    "Execution": "engine.workers.executor",
    "Executor": "engine.workers.executor",
    "ExploitReport": "api.auditing",
    "ExploitState": "run.outcomes",
    "Finding": "types",
    "Fit": "learned.fitting",
    "FitSettings": "learned.settings",
    "Input": "learned.model",
    "Interval": "types",
    "LoadedProgram": "api.wrapper",
    "NativeAudit": "api.native",
    "NoProgram": "errors",
    "Observer": "engine.observer",
    "Output": "types",
    "Pairs": "learned.pairs",
    "Plan": "api.planning",
    "Program": "program",
    "ProgramError": "errors",
    "QPairs": "train.prior.values",
    "Question": "api.search",
    "Range": "api.estimate",
    "RecordedEnv": "episodes.recording",
    "RecordedReplies": "writers.recorded",
    "Resources": "engine.workers.executor",
    "RewardModel": "learned.model",
    "RewardWrapper": "api.wrapper",
    "RewardsmithError": "errors",
    "Run": "api.runs",
    "RunDiagnosis": "evidence.diagnosis",
    "RunError": "errors",
    "RunFolder": "run.folder",
    "RunState": "run.state",
    "SandboxReport": "sandbox.report",
    "Search": "api.search",
    "Settings": "api.settings",
    "Slot": "types",
    "SlotState": "run.outcomes",
    "StrategyInfo": "api.strategies",
    "SubgoalStatistics": "run.records",
    "Task": "task.loading",
    "TellResult": "api.search",
    "TermLogger": "train.term_logging",
    "WeightedTerms": "train.weighted_terms",
    "LabelServer": "api.label_server",
    "label": "api.label_server",
    "linear": "train.weighted_terms",
    "TermRanges": "api.checking",
    "TrainResult": "api.training",
    "TrialProgress": "run.trials",
    "TrialState": "run.outcomes",
    "UsageError": "errors",
    "VecReward": "train.vec_reward",
    "Verdict": "program",
    "audit": "api.auditing",
    "audit_native": "api.native",
    "check": "api.checking",
    "design": "api.runs",
    "doctor": "api.doctor",
    "estimate": "api.estimate",
    "fit_preferences": "learned.fitting",
    "inputs_of": "learned.model",
    "list_runs": "api.runs",
    "load_episodes": "episodes.files",
    "load_program": "api.wrapper",
    "load_run": "api.runs",
    "load_task": "task.loading",
    "load_training": "api.training",
    "make_vec_env": "train.vectors",
    "plan": "api.planning",
    "q_shaped": "train.prior.shaping",
    "record": "episodes.recording",
    "resolve_task": "task.resolving",
    "sample_episodes": "api.sampling",
    "sample_page": "api.report.samples",
    "strategies": "api.strategies",
    "task_from_env": "task.drafting",
    "train_program": "api.training",
}

__all__ = sorted(_WHERE)


if not TYPE_CHECKING:  # else a misspelt name would pass as Any

    def __getattr__(name: str) -> Any:
        if name not in _WHERE:
            raise AttributeError(f"module 'rewardsmith' has no attribute {name!r}")
        return getattr(importlib.import_module(f"rewardsmith.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
