"""A source of replies that composes the program of questions and answers without a model."""

from __future__ import annotations

import numpy as np

from rewardsmith.llm.prices import FREE
from rewardsmith.llm.protocol import NOTHING_USED, Reply
from rewardsmith.run.folder import RunFolder
from rewardsmith.writers.questions.program import Texts, question_program, texts_of
from rewardsmith.writers.requests import RunRequest

_NAME = "questions/template"


class QuestionSource:
    """Answers every request by the same program.

    Args:
        instruction: name of the text field that the questions are about; the task's first if empty.
    """

    prices = FREE

    def __init__(self, run: RunFolder, instruction: str) -> None:
        self._run = run
        self._instruction = instruction

    def answer(self, wanted: RunRequest) -> Reply:
        """Compose the program, with the most questions of an instruction in the random episodes."""
        texts = texts_of(self._run.task().spec, self._instruction)
        hidden = ", ".join(texts.question_words)
        about = (
            f"Questions about {texts.instruction.name}; no model was asked. Hidden are: {hidden}."
        )
        source = question_program(texts, _most_questions(texts, self._run))
        return Reply(
            f"{about}\n\n```python\n{source}```\n", "stop", NOTHING_USED, _NAME, latency_s=0.0
        )


def _most_questions(texts: Texts, run: RunFolder) -> int:
    seen = run.transitions()[f"first_{texts.instruction.name}"]
    words = texts.question_words
    places = [place for place, word in enumerate(texts.instruction.words, 1) if word in words]
    return max(1, int(np.isin(seen, places).sum(axis=1).max()))
