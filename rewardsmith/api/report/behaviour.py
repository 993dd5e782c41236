"""Charts of one evaluation episode: what the agent did, beside an agent of the native reward."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

import numpy as np
from markupsafe import Markup

from rewardsmith.api.report.charts import Line, lines
from rewardsmith.run.best import native_beside, shipped_trial
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.state import RunState
from rewardsmith.run.wording import number
from rewardsmith.task.loading import Task
from rewardsmith.types import Array, Episode, FloatArray

_MOST_CHARTS = 16
_MOST_PARTS = 6  # numbers of one field that are drawn; of a longer field its length is drawn
_POINTS = 400  # of a line
_HEIGHT = 130
_Series = dict[str, FloatArray]  # title -> values over an episode


def behaviour_charts(run: RunFolder, state: RunState, best: str) -> list[tuple[str, Markup]]:
    """Title and chart of every number of a field and of the action, over one episode.

    The exported policy and a policy of the native reward begin in the same state. Fields that the
    fitness reads come first.
    """
    shipped, task = shipped_trial(state, best), run.task()
    own = _first_episode(run, shipped)
    if own is None:
        return []
    beside = native_beside(state, shipped)
    native = _first_episode(run, beside) if beside is not None else None
    numbers = dict(_numbers(task, own))
    others = dict(_numbers(task, native)) if native is not None else {}
    charts = [
        (title, _chart(values, others.get(title)))
        for title, values in list(numbers.items())[:_MOST_CHARTS]
    ]
    return [(title, chart) for title, chart in charts if chart]


def episode_charts(task: Task, episode: Episode, kind: str, most: int) -> list[tuple[str, Markup]]:
    """Title and chart of the first numbers of one episode, each with its last value beside it.

    Args:
        kind: of the lines, see :class:`Line`.
        most: number of charts.
    """
    charts = [
        (title, _alone(values, kind))
        for title, values in itertools.islice(_numbers(task, episode), most)
    ]
    return [(title, chart) for title, chart in charts if chart]


def charts_together(
    task: Task, episodes: Mapping[str, Episode], most: int
) -> list[tuple[str, Markup]]:
    """Title and chart of the numbers of several episodes, one line of each in each chart.

    Args:
        episodes: label -> episode; the kind of the n-th line is ``clip<n>``.
        most: number of charts.
    """
    numbers = {label: dict(_numbers(task, episode)) for label, episode in episodes.items()}
    titles = dict.fromkeys(title for found in numbers.values() for title in found)
    charts = []
    for title in list(titles)[:most]:
        series = [
            Line(label, _points(found[title]), f"clip{place}")
            for place, (label, found) in enumerate(numbers.items(), 1)
            if title in found
        ]
        charts.append((title, lines(series, unit="steps of an episode", height=_HEIGHT)))
    return [(title, chart) for title, chart in charts if chart]


def _alone(values: FloatArray, kind: str) -> Markup:
    line = Line(number(float(values[-1])), _points(values), kind)
    return lines([line], unit="steps of an episode", height=_HEIGHT)


def _first_episode(run: RunFolder, trial: TrialState) -> Episode | None:
    episodes = run.trial(trial).episodes()
    return episodes[0] if episodes else None


def _chart(values: FloatArray, native: FloatArray | None) -> Markup:
    own = Line("designed", _points(values), "best")
    series = [own] if native is None else [Line("native", _points(native), "native"), own]
    return lines(series, unit="steps of an episode", height=_HEIGHT)


def _points(values: FloatArray) -> list[tuple[float, float]]:
    count = min(_POINTS, len(values))
    chosen = np.unique(np.linspace(0, len(values) - 1, count).astype(int))
    return [(float(step), float(values[step])) for step in chosen]


def _numbers(task: Task, episode: Episode) -> Iterator[tuple[str, FloatArray]]:
    """Title and values of what is drawn: fields, then actions."""
    offered = [field for field in task.offered_fields if not field.words]
    read = _read_by_fitness(task)
    for field in sorted(offered, key=lambda field: field.name not in read):
        if field.name in episode.fields:
            unit = f" ({field.unit})" if field.unit else ""
            yield from parts(field.name, unit, episode.fields[field.name])
    yield from parts("action", "", episode.actions, task.spec.action.names)


def parts(
    name: str, unit: str, values: Array, names: tuple[str, ...] = ()
) -> Iterator[tuple[str, FloatArray]]:
    """The numbers of a field one by one; of too many their length, and the title says so."""
    columns = np.asarray(values, np.float64).reshape(len(values), -1)
    count = columns.shape[1]
    if count > _MOST_PARTS:
        yield f"length of {name}, {count} numbers{unit}", np.linalg.norm(columns, axis=1)
        return
    for part, column in enumerate(columns.T):
        if len(names) == count:
            yield f"{name}: {names[part]}", column
        else:
            yield (f"{name}[{part}]{unit}" if values.ndim > 1 else f"{name}{unit}"), column


def _read_by_fitness(task: Task) -> set[str]:
    """Names in quotes in the source of the fitness."""
    source = task.spec.fitness.source
    file = task.folder / source.partition(":")[0] if task.folder is not None else None
    text = file.read_text(encoding="utf-8") if file is not None and file.is_file() else source
    return set(re.findall(r"[\"'](\w+)[\"']", text))
