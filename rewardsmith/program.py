"""A program: one piece of generated code. Its id depends on what it computes, not on its layout."""

from __future__ import annotations

import ast
import hashlib
import warnings
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from rewardsmith.learned.model import RewardModel
from rewardsmith.types import Finding, Slot

ENTRY_POINTS = ("reward", "potential", "subgoals", "q_prior")
PRODUCED = {
    "reward": "a reward",
    "potential": "a potential",
    "subgoals": "subgoals",
    "q_prior": "a prior on Q",
}
REWARD_ALIASES = ("compute_reward",)  # what models trained on other tools' prompts like to call it
NATIVE = "native"  # stands in place of a program's id where the environment's own reward is trained
EXPORT_BEGINS = (
    "# --- The program, as it was written -"  # the lines around a program in an exported file
)
EXPORT_ENDS = "# --- How it is applied to one environment -"
EXPORT_LEARNED = "# --- The weights of the learned reward"  # the line before the weights in it
# names that an exported file binds beside the program's own
EXPORT_FUNCTIONS = "_FIELD_FUNCTIONS"
EXPORT_PREFIX = "_module_of_fields_"  # a number follows
EXPORT_NAMES = (
    "RewardWrapper",
    "ShowSubgoals",
    "LEARNED",
    "_WEIGHTS",
    "_base64",
    "_gym",
    "_layers",
    "_np",
    "_re",
    EXPORT_FUNCTIONS,
)

Style = Literal["batched", "per_transition"]


@dataclass(frozen=True)
class Program:
    """One piece of generated code.

    Attributes:
        id: digest of the normalised source, see :func:`program_id`.
        source: the module as the writer wrote it.
        slot: where in the run it was asked for; None for a program that came from a file.
        parents: ids of the programs that its request showed to the writer.
        reply: digest of the request that it answers, the key of ``llm.jsonl``.
    """

    id: str
    source: str
    slot: Slot | None = None
    parents: tuple[str, ...] = ()
    reply: str = ""


@dataclass(frozen=True)
class Lineage:
    """Where a program comes from; attributes as in :class:`Program`."""

    id: str
    slot: Slot | None
    parents: tuple[str, ...]
    reply: str


@dataclass(frozen=True)
class EntryPoint:
    """A function of a program that rewardsmith calls, with the arguments it asks for by name."""

    name: str
    arguments: tuple[str, ...]
    # the name it has in the source, which for a reward may be an alias; empty for a learned reward
    function: str


@dataclass(frozen=True)
class Verdict:
    """What checking a program came to.

    Attributes:
        stage: how far it got; only ``accepted`` programs are trained.
        findings: everything found, errors and the rest.
        entries: the entry points by name, as far as they could be read.
        style: calling style of the reward; None when it has none or was not run.
        us_per_transition: least CPU time of one transition in a batch of 256, microseconds.
        terms: term name -> (lowest, mean, highest) on the transitions it was checked on.
        level: how well it was confined while it ran: strong, medium or weak; empty when nothing was
            run.
        reacts_to: argument of the reward -> how much its values move when that argument alone is
            changed, in units of their mean difference between transitions; 0 for one that makes no
            difference.
        rates: subgoal -> share of random transitions after which it holds.
    """

    stage: Literal["static", "sandbox", "behaviour", "accepted"]
    findings: tuple[Finding, ...] = ()
    entries: dict[str, EntryPoint] = field(default_factory=dict)
    style: Style | None = None
    us_per_transition: float | None = None
    terms: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    level: str = ""
    reacts_to: dict[str, float] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether the program may be trained."""
        return self.stage == "accepted"

    @property
    def changes_reward(self) -> bool:
        """Whether it defines a reward or a potential, or has a learned reward."""
        return bool({"reward", "potential", "learned"} & self.entries.keys())

    @property
    def fields_read(self) -> list[str]:
        """Names of the fields that its functions read, each once."""
        asked = [name for entry in self.entries.values() for name in entry.arguments]
        return list(
            dict.fromkeys(name.removeprefix("next_").removeprefix("first_") for name in asked)
        )

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that refuse the program."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def _repr_html_(self) -> str:
        """What a notebook shows: accepted or not, and the findings."""
        word = "accepted" if self.accepted else f"refused, {self.stage} check"
        found = "".join(f"<li>{escape(str(finding))}</li>" for finding in self.findings)
        return f"<b>{word}</b><ul>{found}</ul>"


@dataclass(frozen=True)
class CheckedProgram:
    """A program with the verdict of its checks.

    Attributes:
        id: see :func:`program_id`.
        source: the module as the writer wrote it.
        verdict: the outcome of the checks.
        learned: a reward that was learned from preferences, which is added to what the program
            gives; its entry point in the verdict is ``learned``.
    """

    id: str
    source: str
    verdict: Verdict
    learned: RewardModel | None = None

    @property
    def size(self) -> int:
        """Number of nodes of its syntax tree, and of weights of a learned reward."""
        weights = self.learned.weights if self.learned is not None else 0
        return weights + sum(1 for _ in ast.walk(ast.parse(self.source)))

    @classmethod
    def of(cls, source: str, verdict: Verdict) -> CheckedProgram:
        """A program that is not part of a run."""
        return cls(program_id(source), source, verdict)


def program_id(source: str) -> str:
    """12 hex digits that are equal for sources that differ only in layout and comments."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            normalised = ast.unparse(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        normalised = source.strip()
    return hashlib.sha256(normalised.encode(errors="replace")).hexdigest()[:12]
