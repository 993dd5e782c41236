"""Expert rewards of similar tasks, found by the words of goals and fields; no network needed.

Text2Reward (Xie et al. 2024, arXiv 2309.11489) selects them by the embeddings of a model.
Here words are weighted by tf-idf, which gives the same result on every machine.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rewardsmith.task.spec import TaskSpec

EXAMPLES = "examples.json"  # in the folder of a run whose strategy shows examples
_WORD = re.compile(r"[a-z]{3,}")


class Example(NamedTuple):
    """A task's goal and the reward that an expert wrote for it."""

    goal: str
    source: str


def read_examples(text: str) -> list[Example]:
    """The examples of a run, as :func:`examples_text` wrote them."""
    return [Example(**each) for each in json.loads(text)]


def examples_text(examples: Sequence[Example]) -> str:
    """Examples as JSON."""
    return json.dumps([each._asdict() for each in examples], indent=1) + "\n"


def description(spec: TaskSpec) -> str:
    """The words of a task: its goal, and the names and meanings of its public fields."""
    fields = [
        f"{field.name.replace('_', ' ')} {field.doc}" for field in spec.fields if not field.hidden
    ]
    return " ".join([spec.goal, spec.action.doc, *fields])


def nearest(text: str, others: Mapping[str, str], count: int) -> list[str]:
    """Names of the most similar texts, best first; ties in order of name.

    Args:
        text: the text to compare with.
        others: name -> text.
    """
    bags = {name: _bag(other) for name, other in others.items()}
    ours = _bag(text)
    known = Counter(word for bag in (ours, *bags.values()) for word in bag)
    rarity = {word: math.log((1 + len(bags) + 1) / seen) for word, seen in known.items()}
    likeness = {name: _cosine(ours, bag, rarity) for name, bag in bags.items()}
    return sorted(likeness, key=lambda name: (-likeness[name], name))[:count]


def reward_alone(source: str) -> str:
    """A module with only what its reward uses: an expert's file also contains a controller.

    Raises:
        ValueError: it defines no reward.
    """
    tree = ast.parse(source)
    named = {name: node for node in tree.body for name in _defines(node)}
    if "reward" not in named:
        raise ValueError("expected a function named reward")
    wanted, open_ = set[str](), ["reward"]
    while open_:
        name = open_.pop()
        if name in named and name not in wanted:
            wanted.add(name)
            open_ += [part.id for part in ast.walk(named[name]) if isinstance(part, ast.Name)]
    kept = [node for node in tree.body if not _defines(node) or wanted & set(_defines(node))]
    return "\n\n".join(ast.unparse(node) for node in kept if not _is_text(node)) + "\n"


def _bag(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text.lower()))


def _cosine(one: Counter[str], other: Counter[str], rarity: Mapping[str, float]) -> float:
    def norm(bag: Counter[str]) -> float:
        return math.sqrt(sum((count * rarity[word]) ** 2 for word, count in bag.items()))

    shared = sum(one[word] * other[word] * rarity[word] ** 2 for word in one.keys() & other.keys())
    return shared / (norm(one) * norm(other) or 1.0)


def _defines(node: ast.stmt) -> Sequence[str]:
    """Names that a statement of a module defines; none for an import."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets: Iterable[ast.expr] = node.targets if isinstance(node, ast.Assign) else ()
    return [
        part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)
    ]


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
