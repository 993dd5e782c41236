"""Providers and prices of models, made from the settings of a run."""

from __future__ import annotations

from rewardsmith.llm.pacing import PacedProvider
from rewardsmith.llm.prices import FREE, Prices, prices_of
from rewardsmith.llm.protocol import Provider
from rewardsmith.llm.providers import make_provider
from rewardsmith.llm.retrying import Patience, RetryingProvider
from rewardsmith.run.config import RunConfig
from rewardsmith.run.settings import RunSettings


def patient_provider(model: str, settings: RunSettings, left_s: float | None = None) -> Provider:
    """The provider of a model, with a rate limit and retries.

    Args:
        left_s: seconds that are left in the budget of the run; no wait ends later.

    Raises:
        UsageError: there is no such provider, or it has no key.
    """
    paced = PacedProvider(
        make_provider(model, settings.base_url), settings.llm_at_once, settings.llm_per_minute
    )
    longest = Patience().total_s
    return RetryingProvider(
        paced, Patience(total_s=longest if left_s is None else min(longest, max(left_s, 0.0)))
    )


def prices_in(config: RunConfig) -> Prices:
    """The prices of a run's replies."""
    return FREE if config.model is None else prices_of(config.model, config.price, config.base_url)
