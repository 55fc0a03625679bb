"""The model under watch: quickly trained on the world's own history, with the errors of such
models.
"""

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.words import Task

Array = npt.NDArray


class Trained:
    """Gradient boosting, or a regularised linear model on one-hot codes. Unknown codes and nulls
    are missing values.
    """

    def __init__(self, task: Task, kind: str, x: dict[str, Array], y: Array, seed: int = 0) -> None:
        self.task, self.kind = task, kind
        self.vocabulary = {c: {v: i for i, v in enumerate(sorted(set(v.tolist())))} for c, v in x.items() if v.dtype.kind in "OU"}
        self.columns = list(x)
        self.mean = {c: float(np.nanmean(v)) for c, v in x.items() if c not in self.vocabulary}
        self.spread = {c: float(np.nanstd(v)) or 1.0 for c, v in x.items() if c not in self.vocabulary}
        self.model = self._new(seed).fit(self._matrix(x), y)

    def _new(self, seed: int):
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
        from sklearn.linear_model import LogisticRegression, Ridge

        if self.kind == "linear":
            return LogisticRegression(max_iter=200) if self.task is Task.BINARY else Ridge()
        boosting = HistGradientBoostingClassifier if self.task is Task.BINARY else HistGradientBoostingRegressor
        masks = [c in self.vocabulary for c in self.columns]
        return boosting(max_iter=70, max_leaf_nodes=15, categorical_features=masks if any(masks) else None, random_state=seed)

    def _matrix(self, x: dict[str, Array]) -> Array:
        parts = []
        for c in self.columns:
            if c in self.vocabulary:
                index = np.array([self.vocabulary[c].get(v, np.nan) for v in x[c].tolist()], dtype=float)
                parts.append(
                    index[:, None] if self.kind != "linear" else (index[:, None] == np.arange(len(self.vocabulary[c]))).astype(float)
                )
            elif self.kind == "linear":
                standard = (np.nan_to_num(np.asarray(x[c], float), nan=self.mean[c]) - self.mean[c]) / self.spread[c]
                parts.append(np.clip(standard, -1e6, 1e6)[:, None])
            else:
                parts.append(np.asarray(x[c], float)[:, None])
        return np.hstack(parts)

    def predict(self, x: dict[str, Array]) -> Array:
        matrix = self._matrix(x)
        return self.model.predict_proba(matrix)[:, 1] if self.task is Task.BINARY else self.model.predict(matrix)
