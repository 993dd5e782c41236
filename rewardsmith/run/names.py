"""Runs, and results of ``rewardsmith train``, by path or by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rewardsmith.errors import RunError, UsageError, did_you_mean
from rewardsmith.run.folder import MANIFEST, TRAIN_MANIFEST, RunFolder, expected_a_run

LAST = "last"
_SHOWN = 12  # candidates in a message
_RUN = (MANIFEST,)
_RESULT = (MANIFEST, TRAIN_MANIFEST)


def open_run(name: str | Path, parent: Path = Path("runs")) -> RunFolder:
    """A run.

    Args:
        name: its path; or below ``parent`` its name, a beginning or an end of the name, or the
            first of its digits, if no other run has them; or ``last`` for the run that was started
            last.

    Raises:
        RunError: there is no such run.
        UsageError: several runs fit, or only a result of ``rewardsmith train``.
    """
    try:
        return _open(name, parent, _RUN)
    except RunError:
        if not _is_train_result(name, parent):
            raise
    raise expected_a_run(str(name))


def open_result(name: str | Path, parent: Path = Path("runs")) -> RunFolder:
    """A run or the result of ``rewardsmith train``.

    Args:
        name: as :func:`open_run` takes it.

    Raises:
        RunError: there is none.
        UsageError: several fit.
    """
    return _open(name, parent, _RESULT)


def list_runs(parent: Path = Path("runs")) -> list[RunFolder]:
    """The runs in a folder, newest last."""
    return _listed(parent, _RUN)


def list_results(parent: Path = Path("runs")) -> list[RunFolder]:
    """The runs and the results of ``rewardsmith train`` in a folder, newest last."""
    return _listed(parent, _RESULT)


def _listed(parent: Path, manifests: Sequence[str]) -> list[RunFolder]:
    found = [path for manifest in manifests for path in parent.glob(f"*/{manifest}")]
    found.sort(key=lambda path: (path.stat().st_mtime, path.parent.name))
    return [RunFolder(path.parent) for path in found]


def _open(name: str | Path, parent: Path, manifests: Sequence[str]) -> RunFolder:
    if any((Path(name) / manifest).is_file() for manifest in manifests):
        return RunFolder(Path(name))
    known, wanted = _listed(parent, manifests), str(name)
    fitting = _fitting(wanted, known)
    if len(fitting) > 1:
        names = ", ".join(found.name for found in fitting[-_SHOWN:])
        left_out = "…, " if len(fitting) > _SHOWN else ""
        raise UsageError(
            f"{len(fitting)} names in {parent} fit {wanted!r}",
            f"give more of the name: {left_out}{names}",
        )
    if not fitting:
        raise RunError(
            f"there is no run {wanted!r} in {parent}",
            did_you_mean(wanted, [found.name for found in known]),
        )
    return fitting[0]


def _fitting(wanted: str, known: Sequence[RunFolder]) -> list[RunFolder]:
    """Those of the name; else the last one if that is asked for; else those with a part of it."""
    exact = [found for found in known if found.name == wanted]
    if exact or not wanted:
        return exact
    if wanted == LAST:
        return list(known[-1:])
    return [found for found in known if _has_part(found.name, wanted)]


def _has_part(name: str, wanted: str) -> bool:
    """Whether a name begins or ends with a text, or its digits begin with it."""
    digits = name.rpartition("-")[2]
    return name.startswith(wanted) or name.endswith(wanted) or digits.startswith(wanted)


def _is_train_result(name: str | Path, parent: Path) -> bool:
    """Whether a name that fits no run fits results of ``rewardsmith train``."""
    try:
        open_result(name, parent)
    except RunError:
        return False
    except UsageError:  # several fit
        pass
    return True
