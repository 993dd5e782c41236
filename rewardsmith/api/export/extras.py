"""What an export may do beyond its files: the policy as ONNX, and an upload to a hub.

The hub is that of Hugging Face. A token is found in the way of huggingface_hub: from ``hf auth
login``, or ``HF_TOKEN``.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.errors import UsageError, boundary

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_ONNX_PACKAGES = ("onnx", "onnxruntime", "onnxscript")
_HUB_PACKAGES = ("huggingface_hub",)


@dataclass(frozen=True)
class Extras:
    """What is wanted.

    Attributes:
        onnx: write ``policy.onnx``.
        hub: the repository to upload to; None for no upload.
        private: make it a private one, if there is none of that name.
    """

    onnx: bool = False
    hub: str | None = None
    private: bool = False

    @property
    def wanted(self) -> bool:
        """Whether there is anything, which a ``README.md`` then explains."""
        return self.onnx or self.hub is not None

    def check(self) -> None:
        """Refuse what cannot work, before anything is exported.

        Raises:
            UsageError: a package or a token is missing, or the repository has no such name.
        """
        if self.onnx:
            _need(_ONNX_PACKAGES, "onnx")
        if self.hub is None:
            return
        if not _REPOSITORY.fullmatch(self.hub):
            raise UsageError(
                f"expected the name of a repository such as user/name, found {self.hub!r}",
                "name your account or organisation, a slash, and the model",
            )
        _need(_HUB_PACKAGES, "hub")
        from huggingface_hub import get_token

        if get_token() is None:
            raise UsageError(
                "there is no token of the Hugging Face Hub",
                "log in with `hf auth login`, or set HF_TOKEN",
            )

    def upload(self, folder: Path, files: Sequence[str], card: str) -> None:
        """Upload files of a folder in one commit, if that is wanted.

        Args:
            card: the one that becomes the ``README.md`` of the repository.

        Raises:
            BoundaryError: the hub refuses, or cannot be reached.
        """
        if self.hub is None:
            return
        from huggingface_hub import CommitOperationAdd, HfApi

        operations = [
            CommitOperationAdd("README.md" if name == card else name, folder / name)
            for name in files
        ]
        hint = "check the name, the rights of your token, and the connection"
        with boundary("provider", f"uploading to {self.hub}", hint):
            api = HfApi()
            api.create_repo(self.hub, private=self.private, exist_ok=True)
            api.create_commit(self.hub, operations, commit_message="Export of rewardsmith")


NOTHING_MORE = Extras()


def _need(packages: Sequence[str], extra: str) -> None:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"this needs {' and '.join(missing)}, not installed",
            f"pip install 'rewardsmith[{extra}]'",
        )
