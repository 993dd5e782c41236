"""How a program's agents did in comparisons by judges, and its terms along training.

No fitness is named: where judges decide, it may say nothing about the goal.
"""

from __future__ import annotations

from rewardsmith.run.folder import RunFolder
from rewardsmith.run.judgements import Judgement, Tally, comparisons
from rewardsmith.run.state import RunState
from rewardsmith.writers.feedback.process import curve_summary
from rewardsmith.writers.feedback.records import ChoiceFeedback, Said, Side

_MOST_WORDS = 4
_NOT_TERMS = ("fitness", "success rate")


def choice_feedback(run: RunFolder, state: RunState, program: str) -> ChoiceFeedback:
    """The feedback on a program whose agents were compared with others."""
    judged = state.known_judgements()
    against = comparisons(judged).get(program, {}).values()
    total = Tally(*(sum(each) for each in zip(*against, strict=True))) if against else None
    about = [one for one in judged if program in (one.first.program, one.second.program)]
    words = dict.fromkeys(_said(one, program) for one in about if one.words.strip())
    curves = [run.trial(trial).curve() for trial in state.trials_of(program, "selection")]
    summary = curve_summary(curves)
    return ChoiceFeedback(
        *(total or Tally(0, 0, 0)),
        standing=state.judged_standing(program),
        said=list(words)[-_MOST_WORDS:],
        columns=summary.columns,
        rows=[row for row in summary.rows if row.name not in _NOT_TERMS],
    )


def _said(judgement: Judgement, program: str) -> Said:
    better = judgement.better.program if judgement.better is not None else None
    here: Side = "same" if better is None else "better" if better == program else "worse"
    return Said(here, judgement.words.strip())
