"""Sample episodes of a task as one HTML file: scores, and for each kind of actions two episodes.

An episode is a strip of pictures above the curves of its first fields. Only what is shown is drawn,
and only after the episode was played again exactly as it was scored.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup
from PIL import Image

from rewardsmith.api.report.behaviour import episode_charts
from rewardsmith.api.report.page import template
from rewardsmith.api.sampling import EpisodeSample, PlayedSample, play_samples, sample_scores
from rewardsmith.episodes.bank import Trajectory
from rewardsmith.episodes.pictures import need_no_screen
from rewardsmith.episodes.replay import Replayer
from rewardsmith.episodes.strip import moments, strip
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.run.folder import write_whole
from rewardsmith.task.loading import Task
from rewardsmith.task.resolving import resolve_task
from rewardsmith.task.timebox import Tell, silent

_MOST_CHARTS = 3
_GIVEN = "it was given, so the seed that it began with is not known"


class ShownEpisode(NamedTuple):
    """One episode on the page.

    Attributes:
        title: which of its kind it is.
        strip: a WebP image in base64; empty if there is none.
        missing: why there is none; empty if the environment cannot draw at all.
        charts: title and chart of its first fields.
    """

    title: str
    trajectory: Trajectory
    strip: str
    missing: str
    charts: Sequence[tuple[str, Markup]]


def sample_page(
    task: Task | str,
    target: str | Path,
    *,
    bank: Sequence[str | Path] = (),
    use_expert: bool = False,
    tell: Tell | None = None,
) -> list[EpisodeSample]:
    """Score sample episodes, and write a page that shows the worst and the best of each kind.

    Args:
        task, bank, use_expert, tell: as :func:`rewardsmith.sample_episodes` takes them.
        target: HTML file to write.

    Returns:
        The scores, as :func:`rewardsmith.sample_episodes` returns them.

    Raises:
        UsageError: the target is a folder; the task's fields or fitness do not fit the environment,
            or ``bank`` does not fit the task.
        BoundaryError: the environment fails on reset or in a step.
        RunError: the file cannot be written.

    Example:
        rs.sample_page("mountain-car", "samples.html", use_expert=True)
    """
    path = Path(target)
    if path.is_dir():
        raise UsageError(f"expected a file to write, found the folder {path}", "name an HTML file")
    need_no_screen()
    resolved = resolve_task(task)
    samples = play_samples(resolved, bank, use_expert, tell or silent)
    scores, missing = sample_scores(samples), ""
    try:
        with closing(Replayer(resolved)) as replayer:
            shown = [(kind, list(_shown(resolved, samples, kind, replayer))) for kind in scores]
    except (UsageError, BoundaryError) as error:
        missing = _reason(error)
        shown = [(kind, list(_shown(resolved, samples, kind, None))) for kind in scores]
    page = template("samples.html.j2").render(
        task=resolved, scores=scores, shown=shown, missing=missing
    )
    write_whole(path, page)
    return scores


def _shown(
    task: Task, samples: Sequence[PlayedSample], score: EpisodeSample, replayer: Replayer | None
) -> Iterator[ShownEpisode]:
    """The episodes of a kind with the lowest and the highest fitness; one if all have the same."""
    own = [one for one in samples if one.trajectory.origin == score.kind]
    lowest = min(own, key=lambda one: one.trajectory.fitness)
    highest = max(own, key=lambda one: one.trajectory.fitness)
    if lowest is highest:
        title = "the only episode" if len(own) == 1 else f"one of {len(own)} with the same fitness"
        yield _episode(task, highest, title, "best", replayer)
        return
    yield _episode(task, lowest, "lowest fitness", "native", replayer)
    yield _episode(task, highest, "highest fitness", "best", replayer)


def _episode(
    task: Task, sample: PlayedSample, title: str, kind: str, replayer: Replayer | None
) -> ShownEpisode:
    episode, picture, missing = sample.trajectory.episode, "", ""
    if replayer is not None:
        try:
            picture, missing = _drawn(sample, replayer)
        except (UsageError, BoundaryError) as error:
            missing = _reason(error)
    charts = episode_charts(task, episode, kind, _MOST_CHARTS)
    return ShownEpisode(title, sample.trajectory, picture, missing, charts)


def _drawn(sample: PlayedSample, replayer: Replayer) -> tuple[str, str]:
    """The strip, or why there is none."""
    if sample.take is None:
        return "", _GIVEN
    steps = moments(len(sample.trajectory.episode))
    return _webp(strip(replayer.pictures(sample.take, steps))), ""


def _reason(error: UsageError | BoundaryError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _webp(image: Image.Image) -> str:
    content = io.BytesIO()
    image.save(content, "WEBP", quality=80)
    return base64.b64encode(content.getvalue()).decode()
