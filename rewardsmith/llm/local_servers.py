"""Model servers on this machine with OpenAI's interface, at their default ports.

``ollama/qwen3`` is ``openai/qwen3`` with ``--base-url http://localhost:11434/v1``, but for the key:
your own server never receives the key for OpenAI. Another address goes into ``--base-url`` or,
say, ``OLLAMA_BASE_URL``.
"""

from __future__ import annotations

from functools import partial

from rewardsmith.llm.openai import OpenAIProvider

LOCAL = {"ollama": 11434, "vllm": 8000, "llamacpp": 8080, "lmstudio": 1234}


def _at(name: str, *, any_model: bool = False) -> partial[OpenAIProvider]:
    address = f"http://localhost:{LOCAL[name]}/v1"
    return partial(OpenAIProvider, name=name, default_url=address, any_model=any_model)


ollama = _at("ollama")
vllm = _at("vllm")
llamacpp = _at("llamacpp", any_model=True)  # it has one model, and answers to any name
lmstudio = _at("lmstudio")
