"""Checks before a run that the provider has the model: a mistyped or retired name costs nothing."""

from __future__ import annotations

import logging
from typing import Any

from rewardsmith.errors import BoundaryError, UsageError, did_you_mean
from rewardsmith.llm.access import Access
from rewardsmith.llm.failures import provider_errors

logger = logging.getLogger(__name__)


def check_model(models: Any, model: str, access: Access, *, binding: bool) -> None:
    """Look a model up in a provider's own catalogue.

    A server without a catalogue passes: what it has is seen when it is asked.

    Args:
        models: the SDK's ``models``, with ``retrieve`` and ``list``.
        model: ``provider/name``.
        binding: the catalogue is complete; else an absent name is only warned of.

    Raises:
        UsageError: the catalogue does not have it.
        BoundaryError: the key was refused, or there is no answer.
    """
    name = model.partition("/")[2]
    known = _listed(models, name, access)
    if not known or name in known:
        return
    near = did_you_mean(name, known)
    if binding:
        raise UsageError(
            f"{access.provider} has no model {name!r}: it is mistyped or retired", near
        )
    logger.warning(
        "%s does not list %r (%s); asking for it all the same", access.shown_url, name, near
    )


def _listed(models: Any, name: str, access: Access) -> list[str]:
    """The name alone if it can be retrieved (also as an alias), else all names, if known."""
    try:
        with provider_errors(access):
            models.retrieve(name)
            return [name]
    except BoundaryError as error:
        _pass_on(error)
    try:
        with provider_errors(access):
            return [str(found.id) for found in models.list()]
    except BoundaryError as error:
        _pass_on(error)
        return []


def _pass_on(error: BoundaryError) -> None:
    """Raise errors that every request would meet, too; a server may have no catalogue."""
    if error.reason:
        raise error
