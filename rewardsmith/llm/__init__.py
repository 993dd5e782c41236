"""Talking to language models: one request in, one reply out, every reply written down.

``protocol`` holds the records and the seam, ``openai`` and ``anthropic`` the two providers of our
own, ``providers`` finds them by name, ``failures`` turns what goes wrong into our errors, ``log``
is the run's ``llm.jsonl``. The SDKs are imported when a provider is made, not before.
"""
