"""What training minimises: the error of the response curve, a little of the error in parameters, and the pull between equal words."""

from __future__ import annotations

import torch
from torch import Tensor

from semeq_training.data.sampling import NO_WORD
from semeq_training.models import LayoutScale


def curve_loss(decoded_db: Tensor, wanted_db: Tensor) -> Tensor:
    """Return the mean error of curves (batch, n_freqs) in dB: a Huber loss with its knee at 1 dB, overall level included."""
    return torch.nn.functional.huber_loss(decoded_db, wanted_db, delta=1.0)


def parameter_loss(scale: LayoutScale, decoded: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean squared error of physical parameters (batch, n_params) on the 0..1 scale of their ranges.

    A frequency or Q counts in proportion to its band's gain: at 0 dB they mean nothing.
    """
    error = torch.square(scale.to_unit(decoded) - scale.to_unit(wanted))
    return (scale.importance(wanted) * error).mean()


def supervised_contrastive_loss(projections: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Return the supervised contrastive loss of unit vectors (batch, width) with labels (batch,); 0 where no two rows share a word.

    Rows labelled NO_WORD take no part. Balance between words is the sampler's: weighing rare words up here once more left nothing to learn.
    Source: P. Khosla et al., Supervised Contrastive Learning, NeurIPS 2020, L_out.
    """
    chosen = labels != NO_WORD
    vectors, words = projections[chosen], labels[chosen]
    n = len(words)
    itself = torch.eye(n, dtype=torch.bool)
    positives = (words[:, None] == words[None, :]) & ~itself
    n_positives = positives.sum(dim=1)
    anchors = n_positives > 0
    if not bool(anchors.any()):
        return projections.sum() * 0.0
    similarity = (vectors @ vectors.T / temperature).masked_fill(itself, -torch.inf)
    log_share = similarity - torch.logsumexp(similarity, dim=1, keepdim=True)
    return -(log_share.masked_fill(~positives, 0.0).sum(dim=1)[anchors] / n_positives[anchors]).mean()
