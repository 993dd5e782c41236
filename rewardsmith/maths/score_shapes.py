"""Shapes of a score: what stands between the number that a judge gives and the reward of training.

Each function takes scores of completions and returns rewards; none looks at a text. See
docs/language_models.md for which one answers which symptom, and
:mod:`rewardsmith.maths.group_scaling` for what happens to a shape if the advantages are divided by
the standard deviation of their group.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from rewardsmith.maths.completions import as_mask, per_completion, per_token
from rewardsmith.types import Array, FloatArray

WEIBULL_SCALE_TO_ONE = 10.735  # C of PSPO-WRS: the peak of the default shape is 1


def par(scores: Array, references: Array, steepness: float = 1.0) -> FloatArray:
    """Preference as reward: the mean over references of sigmoid(k * (score - reference)).

    A learned score can grow without bound where it is wrong. This one is bounded, steep at the
    level of the references and flat above it, so that a higher score pays less and less.

    Source: PAR, Fu et al. 2025, arXiv 2502.18770, and its code. One reference is enough there; up
    to 10 were used.

    Args:
        scores: of the completions, shape (n,).
        references: scores of reference answers to the same prompts, shape (n, m); or shape (m,),
            the same references for all.
        steepness: k, above 0.

    Returns:
        Shape (n,), in (0, 1); one half where the score equals the only reference. A constant that
        is added to scores and references changes nothing.

    Raises:
        ValueError: the shapes do not match, or the steepness is not above 0.

    Example:
        >>> par(np.array([0.0, 2.0, 20.0]), np.array([2.0])).round(3)
        array([0.119, 0.5  , 1.   ])
    """
    gaps = _gaps(scores, references)
    if not steepness > 0:
        raise ValueError(f"steepness must be above 0, found {steepness!r}")
    return np.asarray((0.5 + 0.5 * np.tanh(0.5 * steepness * gaps)).mean(axis=1))


def reference_centred(scores: Array, references: Array) -> FloatArray:
    """The score minus the mean of the references: the unbounded alternative to :func:`par`.

    Source: a baseline of Fu et al. 2025, arXiv 2502.18770.

    Args:
        scores, references: as in :func:`par`.

    Returns:
        Shape (n,); 0 where the score equals the mean of its references.
    """
    return np.asarray(_gaps(scores, references).mean(axis=1))


def log_sigmoid_centred(scores: Array, references: Array, quantile: float = 0.85) -> FloatArray:
    """The log-sigmoid of the score minus a quantile of the references.

    It goes to 0 above the quantile and stays linear below, so that bad answers are punished in
    proportion and good ones gain little by being better.

    Source: one of the shapes in the code of Fu et al. 2025, arXiv 2502.18770. The quantile there
    comes from a normal distribution that is fitted to the references; here it is that of the
    references themselves.

    Args:
        scores: shape (n,).
        references: as in :func:`par`.
        quantile: in (0, 1).

    Returns:
        Shape (n,), below 0; -log 2 at the quantile.
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile must be in (0, 1), found {quantile!r}")
    level = np.quantile(-_gaps(scores, references), quantile, axis=1)
    return np.asarray(-np.logaddexp(0.0, level))


def _gaps(scores: Array, references: Array) -> FloatArray:
    """Score minus reference, shape (n, m)."""
    (scores,) = per_completion(scores=scores)
    references = np.asarray(references, np.float64)
    fits = references.ndim == 1 or (references.ndim == 2 and len(references) == len(scores))
    if not fits or not references.size or not np.isfinite(references).all():
        raise ValueError(
            f"references are finite and of shape (m,) or ({len(scores)}, m), "
            f"found shape {references.shape}"
        )
    return np.asarray(scores[:, None] - references)


def clipped_process(scores: Array, mask: Array, threshold: float) -> FloatArray:
    """Clip: each step gets min(score - threshold, 0).

    The sum of the scores of steps pays for more steps. Clipped, no step adds anything, so that a
    repeated good step does not pay.

    Source: Gao et al. 2024, arXiv 2410.15115; formula from memory.

    Args:
        scores: of a process reward model, one per step, shape (n, K).
        mask: which steps exist, shape (n, K), bool.
        threshold: for example an upper quantile of the scores.

    Returns:
        Shape (n, K), at most 0; 0 outside of the mask.

    Example:
        >>> clipped_process(np.array([[0.9, 1.0, 0.2]]), np.ones((1, 3), bool), 0.9).round(1)
        array([[ 0. ,  0. , -0.7]])
    """
    (values,) = per_token(mask, scores=scores)
    return np.where(as_mask(mask), np.minimum(values - threshold, 0.0), 0.0)


def process_differences(
    scores: Array, mask: Array, last: Literal["zero", "score"] = "zero"
) -> FloatArray:
    """Delta: each step gets its score minus that of the next one, so that the sum is bounded.

    Use it as rewards of steps with undiscounted returns. Their sum as one score would only reward
    a good first step and a bad last one.

    Source: Gao et al. 2024, arXiv 2410.15115; formula from memory, the last step is our reading.

    Args:
        scores: one per step, shape (n, K). The steps of a completion stand at the beginning.
        mask: which steps exist, shape (n, K), bool.
        last: what the last step gets. With "zero", the rewards from step k on sum to
            p_k - p_last; with "score" the last step gets its own score, and they sum to p_k.

    Returns:
        Shape (n, K); 0 outside of the mask.

    Example:
        >>> process_differences(np.array([[0.9, 0.5, 0.2]]), np.ones((1, 3), bool)).round(1)
        array([[0.4, 0.3, 0. ]])
    """
    mask = as_mask(mask)
    (values,) = per_token(mask, scores=scores)
    if (mask[:, 1:] > mask[:, :-1]).any():
        raise ValueError("the steps of a completion must stand at the beginning of its row")
    follows = np.zeros_like(mask)
    follows[:, :-1] = mask[:, 1:]
    after = np.zeros_like(values)
    after[:, :-1] = values[:, 1:]
    ends = values if last == "score" else np.zeros_like(values)
    return np.where(follows, values - after, ends)


def bucketed_quantile(
    values: Array,
    sizes: Array,
    negative: Array | None = None,
    base: float = 2.0,
    top: float = 0.25,
) -> FloatArray:
    """Labels by rank among items of similar size: 1 for the best, -1 for explicit negatives, 0.

    A value that grows with a size (watch time with the duration of a video, a score with the length
    of an answer) is compared only within buckets of floor(log_base(size + 1)).

    Source: OneRec-V2, OneRec team 2025, arXiv 2508.20900. Which of equal values count as the best
    is our choice: none, unless they all fit.

    Args:
        values: shape (n,).
        sizes: what the values grow with, shape (n,), at least 0.
        negative: explicitly disliked ones, shape (n,), bool; they get -1.
        base: of the logarithm, above 1.
        top: the share of each bucket that gets 1.

    Returns:
        Shape (n,), of -1, 0 and 1. At most a share of ``top`` of a bucket gets 1; exactly
        floor(top * bucket size) if its values are distinct and none is negative.

    Example:
        >>> bucketed_quantile(np.array([1, 2, 3, 4.0]), np.array([5, 5, 5, 5]))
        array([0., 0., 0., 1.])
    """
    values, sizes = per_completion(values=values, sizes=sizes)
    if (sizes < 0).any() or not base > 1 or not 0 < top < 1:
        raise ValueError(f"sizes >= 0, base > 1, top in (0, 1); found base {base!r}, top {top!r}")
    # Powers of the base lie on the edges of buckets, and the logarithm may miss them by one bit.
    buckets = np.floor(np.log(sizes + 1.0) / np.log(base) + 1e-9)
    labels = np.zeros(len(values))
    for bucket in np.unique(buckets):
        members = buckets == bucket
        at_least = (values[members, None] <= values[members]).sum(axis=1)
        labels[members] = at_least <= top * members.sum()
    if negative is not None:
        (disliked,) = per_completion(negative=negative)
        if len(disliked) != len(values):
            raise ValueError(f"found {len(disliked)} marks of negatives for {len(values)} values")
        labels[disliked > 0] = -1.0
    return labels


def clipped_linear(probability: Array, prior: float) -> FloatArray:
    """What a classifier knows beyond chance: max(0, q - p), in place of log q - log p.

    The logarithm multiplies the noise of small probabilities.

    Source: internally rewarded RL, Li et al. 2023, arXiv 2302.00270.

    Args:
        probability: q, that of the right label, shape (n,), in [0, 1].
        prior: p, the probability by chance, in (0, 1), for example 1 / number of labels.

    Returns:
        Shape (n,), in [0, 1 - p].
    """
    (probability,) = per_completion(probability=probability)
    if ((probability < 0) | (probability > 1)).any() or not 0 < prior < 1:
        raise ValueError("probabilities are in [0, 1], and the prior in (0, 1)")
    return np.maximum(0.0, probability - prior)


def semantic_similarity(embeddings: Array, references: Array) -> FloatArray:
    """The cosine between the embeddings of an answer and of a reference.

    Never use it alone. Embeddings of the opposite of a sentence, or of its words in disorder, are
    often nearer to it than those of a paraphrase: multiply it with the verdict of a verifier.

    Source: Shaping Explanations, Pappone et al. 2025, arXiv 2509.13081; formula from memory.

    Args:
        embeddings: of the answers, shape (n, d); a row of zeros for an empty text.
        references: shape (n, d).

    Returns:
        Shape (n,), in [-1, 1]; 0 where one of the two is all zeros.
    """
    one, other = np.asarray(embeddings, np.float64), np.asarray(references, np.float64)
    if one.ndim != 2 or one.shape != other.shape:
        raise ValueError(f"expected two arrays (n, d), found {one.shape} and {other.shape}")
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    product = (one * other).sum(axis=1)
    cosine = np.divide(product, norms, out=np.zeros_like(norms), where=norms > 0)
    return np.asarray(np.clip(cosine, -1.0, 1.0))


def rank_incentive(ranks: Array) -> FloatArray:
    """The reward for the rank of the wanted document: steep in the first ten, flat up to 100.

    19/9 - rank/9 up to 10, 10/9 - rank/90 up to 100, else 0.

    Source: ConvSearch-R1, Zhu et al. 2025, arXiv 2505.15776, and its code.

    Args:
        ranks: shape (n,), from 1; infinite if the document was not found.

    Returns:
        Shape (n,): 2 at rank 1, 1 at rank 10, 0 from rank 100 on.
    """
    ranks = np.asarray(ranks, np.float64)
    if ranks.ndim != 1 or not (ranks >= 1).all():
        raise ValueError("ranks have shape (n,) and are at least 1")
    near, far = (19 - ranks) / 9, (100 - ranks) / 90
    return np.where(ranks <= 10, near, np.maximum(far, 0.0))


def weibull_steps(steps: Array, shape: float = 1.5, scale: float = 8.0) -> FloatArray:
    """The reward for a number of reasoning steps: neither too few nor too many.

    C * (k/l) * (n/l)^(k-1) * exp(-(n/l)^k), with a peak at n = l * ((k-1)/k)^(1/k).

    Source: PSPO-WRS, Li et al. 2024, arXiv 2411.11681: the variant that is commented out in its
    code, with k = 1.5, l = 8, C = 10.735. The score of the steps is multiplied by it.

    Args:
        steps: n, shape (n,), at least 0.
        shape: k, above 1.
        scale: l, above 0.

    Returns:
        Shape (n,), at least 0: 0 at 0 steps. With the defaults 1 at the peak, 3.846 steps; C is not
        adapted to other shapes.
    """
    (steps,) = per_completion(steps=steps)
    if (steps < 0).any() or not shape > 1 or not scale > 0:
        raise ValueError(f"steps >= 0, shape > 1, scale > 0; found {shape!r} and {scale!r}")
    x = steps / scale
    return np.asarray(
        WEIBULL_SCALE_TO_ONE * (shape / scale) * x ** (shape - 1) * np.exp(-(x**shape))
    )
