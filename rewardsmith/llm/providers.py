"""The providers, and the selection of one by the name of a model.

A model is always written ``provider/name``: names alone rot and collide. There is no fixed default
model; the default follows from the key that is set, and the caller should report which model it is.
Another package adds a provider through the entry-point group ``rewardsmith.providers``: a callable
that takes ``base_url`` and returns a Provider.
"""

from __future__ import annotations

from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.llm.access import key_from
from rewardsmith.llm.protocol import Provider
from rewardsmith.plugins import Registry

PROVIDERS = Registry(
    "provider",
    {
        "anthropic": "rewardsmith.llm.anthropic:AnthropicProvider",
        "command": "rewardsmith.llm.command:CommandProvider",
        "litellm": "rewardsmith.llm.litellm:LiteLLMProvider",
        "llamacpp": "rewardsmith.llm.local_servers:llamacpp",
        "lmstudio": "rewardsmith.llm.local_servers:lmstudio",
        "ollama": "rewardsmith.llm.local_servers:ollama",
        "openai": "rewardsmith.llm.openai:OpenAIProvider",
        "vllm": "rewardsmith.llm.local_servers:vllm",
    },
    group="rewardsmith.providers",
)
DEFAULTS = {
    "ANTHROPIC_API_KEY": "anthropic/claude-sonnet-5-5",
    "OPENAI_API_KEY": "openai/gpt-6-sol",
}


def make_provider(model: str, base_url: str | None = None) -> Provider:
    """The provider that answers requests for ``model``.

    Args:
        model: ``provider/name``.
        base_url: address of a server that speaks the provider's API; None for the provider's own.

    Raises:
        UsageError: the form is wrong, there is no such provider, or it cannot be used; nothing was
            sent.
    """
    provider: Provider = PROVIDERS.get(provider_name(model))(base_url=base_url)
    return provider


def provider_name(model: str) -> str:
    """The provider that a model's name asks for.

    Raises:
        UsageError: the form is wrong, or there is no such provider.
    """
    name, slash, rest = model.partition("/")
    known = PROVIDERS.names()
    if not slash or not name.strip() or not rest.strip():
        guess = _guess(model.strip("/"))
        raise UsageError(
            f"expected a model as provider/name, found {model!r}",
            f"did you mean {guess!r}?" if guess else f"providers: {', '.join(known)}",
        )
    if name not in known:
        compatible = f"for a server that speaks OpenAI's API: openai/{rest} with --base-url"
        raise UsageError(
            f"there is no provider {name!r}", f"{did_you_mean(name, known)} {compatible}"
        )
    return name


def default_model() -> str | None:
    """The model to use when none was named: by the key that is set, Anthropic's first, or None."""
    return next((model for variable, model in DEFAULTS.items() if key_from(variable)), None)


def _guess(name: str) -> str | None:
    if name.startswith("command:"):
        return name.replace(":", "/", 1)
    for default in DEFAULTS.values():
        provider, _, known = default.partition("/")
        if name.startswith(known.split("-")[0]):
            return f"{provider}/{name}"
    return None
