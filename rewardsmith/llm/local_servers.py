"""Model servers on this machine that speak OpenAI's form, at the ports where they listen by default.

``ollama/qwen3`` is ``openai/qwen3`` with ``--base-url http://localhost:11434/v1``, but for the key: a server of one's
own is never sent the key for OpenAI. Another address goes into ``--base-url`` or, say, ``OLLAMA_BASE_URL``.
"""

from __future__ import annotations

from functools import partial

from rewardsmith.llm.openai import OpenAIProvider


def _at(name: str, port: int) -> partial[OpenAIProvider]:
    return partial(OpenAIProvider, name=name, default_url=f"http://localhost:{port}/v1")


ollama = _at("ollama", 11434)
vllm = _at("vllm", 8000)
llamacpp = _at("llamacpp", 8080)
lmstudio = _at("lmstudio", 1234)
