"""The course's F-beta of tags as a function of tensors."""

from typing import Any

from kerasfast.fastai.torch_names.tensors import course_tensor

__all__ = ["fbeta_torch"]


def fbeta_torch(y_true: Any, y_pred: Any, beta: float, threshold: float, eps: float = 1e-9) -> Any:
    """Return the mean F-beta of rows of zeros and ones (n, classes); 1 - it is no loss: a threshold has no gradient."""
    truth, said = course_tensor(y_true).float(), (course_tensor(y_pred) > threshold).float()
    both = (truth * said).sum(dim=1)
    precision, recall = both / (said.sum(dim=1) + eps), both / (truth.sum(dim=1) + eps)
    weight = beta * beta
    return ((1 + weight) * precision * recall / (weight * precision + recall + eps)).mean()
