"""The rivals: Evidently's drift table ranked, and a domain classifier with SHAP values.

Neither names a cause, so both are asked for what they can say: the worst column, and whether
anything drifted at all. `shap` is no dependency of ours: where it is not installed, the
classifier's columns are ranked by permutation (and the table says so).
"""

import importlib.util
import warnings
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tests.benchmarks.fault_bench.worlds import World

SHAP = importlib.util.find_spec("shap") is not None
CLASSIFIER = "classifier with SHAP" if SHAP else "classifier, permuted"


@dataclass(frozen=True)
class Said:
    """The worst column, and whether the windows differ at all."""

    column: str | None
    drifted: bool


def evidently(reference: pa.Table, current: pa.Table, world: World) -> Said:
    """The column with the largest drift score over its threshold in Evidently's own preset; drifted
    if any is over it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import Report
        from evidently.presets import DataDriftPreset

        names = [c for c in (*world.numbers, *world.codes) if c in current.column_names]
        windows = [_some(t.select(names), 5000).to_pandas() for t in (reference, current)]
        try:
            report = Report([DataDriftPreset(columns=names)]).run(current_data=windows[1], reference_data=windows[0]).dict()
        except (ValueError, TypeError, AttributeError):  # an empty column, a changed type: it stops with an error and reports on none
            return Said(None, False)
    ranked = []
    for metric in report["metrics"]:
        config = metric.get("config", {})
        if "column" in config and isinstance(metric.get("value"), (int, float, np.floating)):
            score, threshold, method = float(metric["value"]), float(config.get("threshold", 0.1)), str(config.get("method", ""))
            ranked.append((threshold / max(score, 1e-300) if "p_value" in method else score / threshold, config["column"]))
    return Said(max(ranked)[1], max(ranked)[0] > 1) if ranked else Said(None, False)


def classifier(reference: pa.Table, current: pa.Table, world: World) -> Said:
    """Boosted trees learn to tell the windows apart; drifted when their AUC on other rows exceeds a
    half by three standard errors.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    names = [c for c in (*world.numbers, *world.codes) if c in current.column_names]
    tables = [_some(t.select(names), 4000).to_pandas() for t in (reference, current)]
    x, y = coded(tables), np.repeat([0, 1], [len(t) for t in tables])
    half = np.random.default_rng(0).random(len(y)) < 0.5
    model = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(x[half], y[half])
    auc = roc_auc_score(y[~half], model.predict_proba(x[~half])[:, 1])
    error = np.sqrt((len(tables[0]) + len(tables[1])) / 6 / len(tables[0]) / len(tables[1]))  # half of the rows, under no difference
    return Said(names[int(ranked(model, x[~half][:2000], y[~half][:2000]).argmax())], bool(auc > 0.5 + 3 * error))


def _some(table: pa.Table, most: int) -> pa.Table:
    """Rows from the whole window, so that no season is cut off."""
    return table.take(np.linspace(0, table.num_rows - 1, min(most, table.num_rows)).astype(np.int64))


def coded(tables: list) -> np.ndarray:
    """Both windows' rows one after the other, codes as numbers."""
    columns = []
    for name in tables[0].columns:
        values = [t[name] for t in tables]
        if any(v.dtype == object for v in values):
            codes = {v: i for i, v in enumerate(dict.fromkeys([*values[0].astype(str), *values[1].astype(str)]))}
            values = [v.astype(str).map(codes) for v in values]
        columns.append(np.concatenate([np.asarray(v, dtype=float) for v in values]))
    x = np.column_stack(columns)
    x[~np.isfinite(x)] = np.nan
    return x


def ranked(model: object, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The weight of each column in telling the windows apart."""
    if SHAP:
        import shap

        return np.asarray(np.abs(shap.TreeExplainer(model).shap_values(x)).mean(axis=0))
    from sklearn.inspection import permutation_importance

    return np.asarray(permutation_importance(model, x, y, scoring="roc_auc", n_repeats=1, random_state=0).importances_mean)
