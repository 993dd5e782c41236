"""Language models compare episodes of a run, as a person does on the page of ``label``.

Each model is asked about a pair in both orders, one or several times, and the answer of the
majority counts. Several models are a panel, whose majority counts. Pairs with a known answer, of
episodes that are far apart by fitness, come first and after every few questions. A model that fails
on them is not believed: nothing more is asked, and the answers so far are withdrawn.

Sources: :mod:`rewardsmith.writers.comparison`; a panel of judges in place of one, Verga et al.
2024, arXiv 2404.18796.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from rewardsmith.api.asker import Asker
from rewardsmith.api.labelling import Labelling, Question
from rewardsmith.engine.film_strips import film_strips
from rewardsmith.engine.workers.executor import HERE, Execution
from rewardsmith.errors import UsageError
from rewardsmith.evidence.judged import fitness_of
from rewardsmith.llm.log import ReplyLog
from rewardsmith.maths.judging import agreement, left_share, majority
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.settings import RunSettings
from rewardsmith.writers.comparison import PairAnswer, PairJudge, Verdict

LOG = "judge.jsonl"  # in the folder of a run
KNOWN_PAIRS = 3  # that are asked first
QUESTIONS_BETWEEN = 5  # from one further known pair to the next
_LEAST_GAP = 0.5  # of the range of fitness, from which the answer of a pair is known


@dataclass(frozen=True)
class MemberReport:
    """What one model of a panel answered, or the only model.

    Attributes:
        right: how many pairs with a known answer it answered rightly.
        first_share: how often a reply preferred the episode that its request showed first; half is
            expected, as each pair is asked in both orders. None without such replies.
        agreement: how often two of its replies about a pair agree, see
            :func:`rewardsmith.maths.judging.agreement`.
    """

    model: str
    right: int
    first_share: float | None
    agreement: float | None


@dataclass(frozen=True)
class JudgeReport:
    """What a model, or a panel of models, answered.

    Attributes:
        judge: the name under which the answers are recorded.
        answered: pairs with an answer of the majority.
        abstained: pairs without one.
        known: pairs with a known answer.
        agreement: how often two models agree about a pair; None for a single model.
        requests: that were sent; those of an earlier call are not paid for again.
        cost_usd: of these; None if the price is unknown.
    """

    judge: str
    answered: int
    abstained: int
    known: int
    members: tuple[MemberReport, ...]
    agreement: float | None
    requests: int
    cost_usd: float | None


def judge_pairs(
    run: RunFolder,
    models: str | Sequence[str],
    pairs: int = 20,
    settings: RunSettings | None = None,
    *,
    votes: int = 1,
    see: bool = False,
    execution: Execution = HERE,
) -> JudgeReport:
    """Let models compare episodes of a run; the answers become feedback for the writer.

    Args:
        models: one or several as ``provider/name``; the answers are recorded under this name.
        pairs: how many pairs are asked at most.
        settings: address, prices and limits of the models.
        votes: how often each model is asked about a pair, each time in two requests.
        see: show the models pictures of the episodes in place of their numbers.
        execution: where missing films are made.

    Raises:
        UsageError: a model is unknown, has no key, or fails on the pairs with a known answer; or
            the run has too few trainings; or the environment cannot draw itself; or there are
            several votes at temperature 0.
        BoundaryError: the provider failed; what was answered before is kept.

    Example:
        judge_pairs(run.folder, ["openai/gpt-5-mini", "anthropic/claude-haiku-4-5"], votes=3)
    """
    named = dict.fromkeys([models] if isinstance(models, str) else models)
    session = Labelling(run, by=" + ".join(named), pairs=pairs)
    first, later = _planted(session)
    planted = {one.pair for one in later}
    session.questions = [one for one in session.questions if one.pair not in planted]
    shown = [*first, *later, *session.questions] if see else []
    strips = film_strips(run, [clip for one in shown for clip in one.clips], execution)
    log, settings = ReplyLog(run.path / LOG), settings or RunSettings()
    panel = _Panel(session)
    for model in named:
        judge = PairJudge(run, session.state, session.clips, model, settings, strips, votes)
        panel.members.append(_Member(model, Asker(model, settings, log), judge))
    panel.check(first)
    while (question := session.question) is not None:
        if session.place and session.place % QUESTIONS_BETWEEN == 0:
            panel.check(later[:1])
            later = later[1:]
        answer, words = panel.compare(question)
        session.answer(answer or "skip", words)
    return panel.report()


class _Member:
    """One model, what it answered, and how often it was right."""

    def __init__(self, model: str, asker: Asker, judge: PairJudge) -> None:
        self.model, self.asker, self._judge = model, asker, judge
        self.right = 0
        self._answers: list[PairAnswer] = []

    def answer(self, question: Question) -> PairAnswer:
        """Ask about a pair; replies that are in the log are not asked for again."""
        requests = self._judge.requests(question.left, question.right)
        replies = [self.asker.reply(one.request, one.occurrence) for one in requests]
        found = self._judge.answer(replies)
        self._answers.append(found)
        return found

    def report(self) -> MemberReport:
        """What is measured of its replies."""
        votes = [found.votes for found in self._answers]
        as_shown = [said for found in self._answers for said in found.as_shown]
        return MemberReport(self.model, self.right, left_share(as_shown), agreement(votes))


class _Panel:
    """The models that are asked; of several, the answer of the majority counts."""

    def __init__(self, session: Labelling) -> None:
        self.members: list[_Member] = []
        self._session = session
        self._known = 0
        self._votes: list[list[Verdict | None]] = []

    def check(self, questions: Sequence[Question]) -> None:
        """Ask about pairs of which the first episode is known to be better.

        Raises:
            UsageError: a model was right about half of all such pairs or fewer; the answers of the
                panel are withdrawn.
        """
        for question in questions:
            self._known += 1
            for member in self.members:
                member.right += member.answer(question).answer == "first"
        for member in self.members:
            if self._known and 2 * member.right <= self._known:
                self._refuse(member)

    def compare(self, question: Question) -> tuple[Verdict | None, str]:
        """The answer of the majority and the words of a model that gave it; None without one."""
        said = [member.answer(question) for member in self.members]
        votes = [one.answer for one in said]
        self._votes.append(votes)
        found = majority(votes)
        agreeing = [one for one in said if found and one.answer == found]
        return (agreeing[0].answer, agreeing[0].words) if agreeing else (None, "")

    def report(self) -> JudgeReport:
        """What all of them answered."""
        skipped = self._session.answers.count("skip")
        askers = [member.asker for member in self.members]
        costs = [asker.cost_usd for asker in askers if asker.cost_usd is not None]
        reports = [member.report() for member in self.members]
        return JudgeReport(
            judge=self._session.by,
            answered=len(self._session.answers) - skipped,
            abstained=skipped,
            known=self._known,
            members=tuple(reports),
            agreement=agreement(self._votes),
            requests=sum(asker.sent for asker in askers),
            cost_usd=sum(costs) if len(costs) == len(askers) else None,
        )

    def _refuse(self, member: _Member) -> None:
        taken = self._session.withdraw()
        message = (
            f"{member.model} is not believed: of {self._known} pairs whose answer is known by "
            f"fitness, it answered {member.right} rightly"
        )
        if taken:
            message += f"; the {taken} answers of {self._session.by} are withdrawn"
        hint = "use another model, compare them yourself (leave out --judge), or check the fitness"
        raise UsageError(message, hint)


def _planted(session: Labelling) -> tuple[list[Question], list[Question]]:
    """Pairs of which the first episode is much better by fitness: those asked first, and later.

    Those asked later are no questions of this session, and not those that an earlier session began
    with, as long as there are others. There are none where all episodes have the same fitness.
    """
    values = {clip: fitness_of(session.run, clip) for clip in session.clips.names}
    fitness = {clip: value for clip, value in values.items() if math.isfinite(value)}
    order = sorted(fitness, key=lambda clip: fitness[clip])
    least = _LEAST_GAP * (fitness[order[-1]] - fitness[order[0]]) if order else 0.0
    outermost = list(zip(order[::-1], order, strict=True))[: len(order) // 2]
    pairs = dict.fromkeys([*outermost, *product(order[::-1], order)])
    gaps = {(good, bad): fitness[good] - fitness[bad] for good, bad in pairs}
    known = [Question(*pair) for pair, gap in gaps.items() if gap >= least > 0]
    first, others = known[:KNOWN_PAIRS], known[KNOWN_PAIRS:]
    begun = min(len(session.judged) // QUESTIONS_BETWEEN, len(others))
    asked = session.judged | {one.pair for one in session.questions}
    later = sorted(others[begun:] + others[:begun], key=lambda one: one.pair in asked)
    return first, later[: len(session.questions) // QUESTIONS_BETWEEN]
