"""A fitness that a model writes as expressions over the fields of a step.

The expressions are checked like a program and run in a program host. What is written for the user
is a ``fitness.py`` that contains them.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import jinja2
import numpy as np

from rewardsmith.episodes.columns import episode_columns, shapes_in
from rewardsmith.errors import ProgramError, UsageError, did_you_mean
from rewardsmith.program import EntryPoint
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.static.entry_points import check_static
from rewardsmith.task.field import FieldSpec
from rewardsmith.types import Episode, FloatArray
from rewardsmith.writers.drafts.reply import DraftedFitness, Over

_OF_STEP = ("action", "terminated")  # names beside the fields
_NUMPY = ("np",)
_LET = "fitness.let."
_HOW: dict[Over, str] = {
    "last": "the score of the last step",
    "best": "the best score of a step",
    "mean": "the mean score over the steps",
    "limit": "the sum of the scores, divided by the time limit: an early end costs",
    "sum": "the sum of the scores",
}
_CODE: dict[Over, str] = {
    "last": "score[-1]",
    "best": "score.max()",
    "mean": "score.mean()",
    "limit": "score.sum() / {limit}",
    "sum": "score.sum()",
}


class StepScore:
    """The score of a step, its gates, and how the steps make a fitness.

    Args:
        fitness: with the source ``score``.
        fields: that the expressions can read.
        limit: the time limit of episodes, where one is known.

    Raises:
        UsageError: an expression does not parse, reads an unknown name, or is refused; or the
            limit is needed and not known.
    """

    def __init__(
        self, fitness: DraftedFitness, fields: Sequence[FieldSpec], limit: int | None
    ) -> None:
        if fitness.over == "limit" and limit is None:
            raise UsageError('fitness.over = "limit", but no time limit of the episodes is known')
        self._fitness = fitness
        self._fields = {field.name: field for field in fields}
        self._limit = limit
        _refuse_names(fitness.let, self._offered())
        self.arguments = self._arguments()
        self._program = self._composed()
        self._entry = _checked(self._program, self.arguments)

    @cached_property
    def code(self) -> str:
        """The text of ``fitness.py``."""
        template = jinja2.Template(
            Path(__file__).with_name("fitness.py.j2").read_text(encoding="utf-8"),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        fitness = self._fitness
        reads = [(name, self._read(name)) for name in self.arguments]
        text: str = template.render(
            doc=fitness.doc.replace('"""', "'''").replace("\\", "/") or "to be described",
            how=_HOW[fitness.over],
            reads=reads,
            let=fitness.let,
            score=fitness.score.strip(),
            gates=fitness.gates,
            value=_CODE[fitness.over].format(limit=self._limit),
            solved=fitness.solved,
        )
        return text

    def of(self, episodes: Sequence[Episode]) -> FloatArray:
        """The fitness of each of some episodes, computed in a program host.

        Raises:
            ProgramError: an expression failed.
            BoundaryError: the sandbox failed.
        """
        shapes = shapes_in(episode_columns(episodes[0], self.arguments))
        host = ProgramHost(self._program, self._entry, shapes, capacity=4096)
        try:
            return np.array([self._of_episode(host, episode) for episode in episodes], np.float64)
        finally:
            host.close()

    def _of_episode(self, host: ProgramHost, episode: Episode) -> float:
        terms = host(episode_columns(episode, self.arguments)).terms
        passed = np.all([values != 0 for name, values in terms.items() if name != "score"], axis=0)
        score = np.where(passed, terms["score"], 0.0)
        over = self._fitness.over
        if over in ("last", "best"):
            return float(score[-1] if over == "last" else score.max())
        return float(score.sum() / {"mean": len(score), "limit": self._limit, "sum": 1}[over])

    def _arguments(self) -> tuple[str, ...]:
        """The names that the expressions read."""
        names: dict[str, None] = {}
        let: set[str] = set()
        for what, text in self._expressions():
            for node in ast.walk(_parsed(text, what)):
                if isinstance(node, ast.Name) and node.id not in {*_NUMPY, *let}:
                    names[node.id] = None
            let |= {what.removeprefix(_LET)} if what.startswith(_LET) else set()
        known = [*_OF_STEP, *self._offered()]
        for name in names:
            if name not in known:
                raise UsageError(
                    f"the fitness reads {name!r}, which is no name of a step",
                    did_you_mean(name, known),
                )
        return tuple(names)

    def _expressions(self) -> Iterable[tuple[str, str]]:
        yield from ((f"{_LET}{name}", text) for name, text in self._fitness.let.items())
        yield "fitness.score", self._fitness.score
        yield from ((f"fitness.gates[{at}]", gate) for at, gate in enumerate(self._fitness.gates))

    def _offered(self) -> Iterable[str]:
        for name, field in self._fields.items():
            yield f"next_{name}"
            if _has_first(field):
                yield from (name, f"first_{name}")

    def _composed(self) -> str:
        """The expressions as a program, which returns the score and the gates as terms."""
        terms = [("score", f"1.0 * ({self._fitness.score})")]
        terms += [
            (f"gate_{at}", f"np.where({gate}, 1.0, 0.0)")
            for at, gate in enumerate(self._fitness.gates)
        ]
        let = "".join(f"    {name} = {text}\n" for name, text in self._fitness.let.items())
        lines = "".join(f"        {name!r}: {text},\n" for name, text in terms)
        return (
            f"import numpy as np\n\n\ndef reward({', '.join(self.arguments)}):\n"
            f"{let}    return {{\n{lines}    }}\n"
        )

    def _read(self, name: str) -> str:
        """The code that reads a name from an episode."""
        if name == "action":
            return "episode.actions"
        if name == "terminated":
            return "episode.terminated & (np.arange(len(episode)) == len(episode) - 1)"
        for prefix, part in (("next_", "[-len(episode) :]"), ("first_", "[:1]")):
            field = name.removeprefix(prefix)
            if name.startswith(prefix) and field in self._fields:
                return f'episode.fields["{field}"]{part}'
        return f'episode.fields["{name}"][: len(episode)]'


def problems_of(
    score: StepScore, fitness: DraftedFitness, episodes: Sequence[Episode]
) -> list[str]:
    """What is wrong with a score on recorded episodes, in words; empty if nothing is."""
    try:
        values = score.of(episodes)
    except ProgramError as error:
        return [f"the fitness failed on recorded steps: {error}"]
    if not np.isfinite(values).all():
        return ["the fitness of a recorded episode is NaN or infinite"]
    seen = f"{values.min():.3g} to {values.max():.3g} in {len(values)} recorded episodes"
    if fitness.range is not None and not (
        fitness.range[0] <= values.min() and values.max() <= fitness.range[1]
    ):
        return [f"fitness.range = {list(fitness.range)}, but the fitness was {seen}"]
    if fitness.solved is not None and np.mean(values >= fitness.solved) > 0.5:
        return [
            f"fitness.solved = {fitness.solved}, but random and held actions already solve most "
            f"episodes: the fitness was {seen}"
        ]
    return []


def _checked(program: str, arguments: tuple[str, ...]) -> EntryPoint:
    """The entry point of a program that may be run."""
    report = check_static(program, arguments)
    errors = [one.message for one in report.findings if one.severity == "error"]
    if errors:
        raise UsageError(f"the fitness is refused: {'; '.join(errors)}")
    return report.entries["reward"]


def _refuse_names(let: Mapping[str, str], offered: Iterable[str]) -> None:
    """Refuse names of intermediate values that are no identifiers or hide a field."""
    taken = {*_OF_STEP, *_NUMPY, *offered, "episode", "score", "passed", "value"}
    for name in let:
        if not name.isidentifier() or keyword.iskeyword(name) or name in taken:
            raise UsageError(f"fitness.let: the name {name!r} is taken, or no Python identifier")


def _has_first(field: FieldSpec) -> bool:
    return field.parsed_source.kind == "obs" or field.at_reset


def _parsed(text: str, what: str) -> ast.expr:
    if not text.strip():
        raise UsageError(f"{what} is empty: an expression over the fields of a step was expected")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"{what} is not one Python expression: {error}: {text!r}") from None
