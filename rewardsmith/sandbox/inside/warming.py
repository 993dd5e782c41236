"""Loads what numpy loads at first use; a confined process can open no file any more."""

from __future__ import annotations

import numpy as np
import numpy.linalg

_METHODS = "sum mean std var prod any all max min round argmax cumsum"
_OF_SQUARES = "inv det eigh svd pinv norm"
_OF_ARRAYS = "median nanmean nanmedian unique ptp gradient average corrcoef histogram"


def warm() -> None:
    """Call each of these functions of numpy once."""
    x = np.linspace(0.1, 1.0, 6).reshape(3, 2)
    _compute(x)
    _combine(x)
    _show(x)


def _compute(x: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    square = x.T @ x + np.eye(2)
    for name in _METHODS.split():
        getattr(x, name)()
    x.clip(0.0, 1.0)
    x.astype(object).sum()
    for name in _OF_SQUARES.split():
        getattr(np.linalg, name)(square)
    for name in _OF_ARRAYS.split():
        getattr(np, name)(x)
    np.quantile(x, 0.5)
    np.percentile(x, 0.5)


def _combine(x: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    np.einsum("ij,ij->i", x, x, optimize=True)
    np.polyfit([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], 1)
    np.linalg.lstsq(x, x[:, 0], rcond=None)
    np.pad(x, 1)
    np.interp(0.5, [0.0, 1.0], [0.0, 1.0])
    np.isin(x, x)
    np.select([x > 0], [x])


def _show(x: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    """Turn arrays, numbers, dtypes and errors into text."""
    np.finfo(np.float64)
    for value in (x, x[0, 0], np.float64(1.0), x.dtype):
        str(value)
        repr(value)
    f"{x} {x[0, 0]:.3f}"
    try:
        x + np.zeros(5)
    except ValueError as error:
        str(error)
