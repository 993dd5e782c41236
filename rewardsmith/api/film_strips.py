"""Strips of the films of a run, for a model that looks at them."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping

from PIL import Image as Pictures

from rewardsmith.api.export.films import film_trials
from rewardsmith.engine.workers.executor import Execution
from rewardsmith.episodes.strip import strip_of_film
from rewardsmith.errors import UsageError
from rewardsmith.llm.protocol import Image
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.outcomes import TrialKey


def film_strips(
    run: RunFolder, trials: Iterable[TrialKey], execution: Execution
) -> Mapping[TrialKey, Image]:
    """The strip of the film of each trial; films that are missing are made.

    Raises:
        UsageError: a film cannot be made.
    """
    wanted = list(dict.fromkeys(trials))
    missing = [run.trial_at(key).path for key in wanted if run.trial_at(key).film is None]
    if missing:
        with execution.opened(run.task().spec.env.exclusive) as executor:
            reasons = film_trials(run, missing, executor)
        if reasons:
            raise UsageError(
                f"a film cannot be made: {reasons[0]}",
                "let the model compare the fields instead: leave out --see",
            )
    return {key: _strip(run, key) for key in wanted}


def _strip(run: RunFolder, trial: TrialKey) -> Image:
    folder, content = run.trial_at(trial), io.BytesIO()
    assert folder.film is not None
    with Pictures.open(folder.film) as film:
        strip_of_film(film, len(folder.episodes()[0])).save(content, "PNG")
    return Image("image/png", base64.b64encode(content.getvalue()).decode())
