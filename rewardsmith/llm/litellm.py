"""Every model that litellm supports, as ``litellm/<model>``; an extra, as it loads slowly.

It takes its keys from the environment by its own rules. It is never asked for several samples (it
drops that silently), never without a limit on the output (its default is the largest there is),
never retries, and is kept from fetching its price list over the network when it is imported.
"""

from __future__ import annotations

import os
import time
from typing import Any

from rewardsmith.errors import UsageError
from rewardsmith.llm.access import Access, find_address
from rewardsmith.llm.failures import provider_errors
from rewardsmith.llm.openai import message_form, read_completion
from rewardsmith.llm.protocol import Reply, Request


class LiteLLMProvider:
    """Answers requests through litellm.

    Args:
        base_url: an address of the user's own, litellm's ``api_base``.

    Raises:
        UsageError: the extra is not installed, or the address is none.
    """

    name = "litellm"

    def __init__(self, base_url: str | None = None) -> None:
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        os.environ.setdefault("LITELLM_LOG", "ERROR")
        try:
            import litellm
        except ImportError as error:
            message = f"the litellm package cannot be loaded: {error}"
            raise UsageError(message, "pip install 'rewardsmith[litellm]'") from error
        litellm.telemetry = False
        litellm.suppress_debug_info = True
        self._litellm: Any = litellm
        self._access = Access(
            self.name, "the environment", "", find_address("LITELLM_BASE_URL", base_url)
        )

    def check(self, model: str, timeout_s: float) -> None:
        """See :class:`rewardsmith.llm.protocol.Provider`; looks the name up in litellm's own table.

        Raises:
            UsageError: litellm does not know whom to ask, or the key for it is missing.
        """
        name = model.removeprefix(f"{self.name}/")
        try:
            needed = self._litellm.validate_environment(name, api_base=self._access.base_url)
            self._litellm.get_llm_provider(name, api_base=self._access.base_url)
        except self._litellm.BadRequestError as error:
            reason = str(error).split("\n")[0].removeprefix("litellm.BadRequestError: ")
            raise UsageError(
                f"litellm knows no provider of {name!r}: {reason[:200]}", "litellm/provider/name"
            ) from None
        if needed["missing_keys"] and self._access.base_url is None:
            missing = " or ".join(needed["missing_keys"])
            raise UsageError(
                f"{model} needs a key: {missing}", f"export {needed['missing_keys'][0]}=…"
            )

    def complete(self, request: Request, timeout_s: float) -> Reply:
        """Answer one request; see :class:`rewardsmith.llm.protocol.Provider`."""
        started = time.monotonic()
        options = {"temperature": request.temperature, "reasoning_effort": request.effort}
        with provider_errors(self._access):
            completion = self._litellm.completion(
                model=request.model.removeprefix(f"{self.name}/"),
                messages=message_form(request),
                max_tokens=request.max_output_tokens,
                timeout=timeout_s,
                num_retries=0,
                max_retries=0,
                drop_params=True,
                api_base=self._access.base_url,
                **{name: value for name, value in options.items() if value is not None},
            )
            return read_completion(completion, request, round(time.monotonic() - started, 3))
