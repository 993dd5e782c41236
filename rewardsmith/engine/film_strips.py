"""Strips of the films of a run, for a model that looks at them."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping

from PIL import Image as Pictures

from rewardsmith.engine.films import film_trials
from rewardsmith.engine.workers.executor import Execution
from rewardsmith.episodes.strip import strip_of_film
from rewardsmith.errors import UsageError
from rewardsmith.llm.protocol import Image
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.judgements import Clip

_FIELDS_INSTEAD = "let the model compare the fields instead: leave out --see, or set judge=model"


def film_strips(
    run: RunFolder, clips: Iterable[Clip], execution: Execution
) -> Mapping[Clip, Image]:
    """The strip of the film of each clip; films that are missing are made.

    Args:
        execution: where films are made.

    Raises:
        UsageError: a film cannot be made, or a clip is no part of a first evaluation episode.
    """
    wanted = list(dict.fromkeys(clips))
    if any(clip.episode for clip in wanted):
        raise UsageError(
            "only the first evaluation episode of a training is filmed",
            _FIELDS_INSTEAD,
        )
    trials = dict.fromkeys(clip.trial for clip in wanted)
    missing = [run.trial_at(key).path for key in trials if run.trial_at(key).film is None]
    if missing:
        with execution.opened(run.task().spec.env.exclusive) as executor:
            reasons = film_trials(run, missing, executor)
        if reasons:
            raise UsageError(f"a film cannot be made: {reasons[0]}", _FIELDS_INSTEAD)
    return {clip: _strip(run, clip) for clip in wanted}


def _strip(run: RunFolder, clip: Clip) -> Image:
    folder, content = run.trial_at(clip.trial), io.BytesIO()
    assert folder.film is not None
    with Pictures.open(folder.film) as film:
        strip_of_film(film, len(folder.episodes()[0]), clip.span).save(content, "PNG")
    return Image("image/png", base64.b64encode(content.getvalue()).decode())
