"""What users have today: Evidently's drift table ranked, and a domain classifier with permutation importances.

Neither names a cause, so both are asked the one thing that they can say: which column is worst.
"""

import warnings

import numpy as np
import pyarrow as pa

from tests.benchmarks.fault_bench.worlds import World


def evidently_first(reference: pa.Table, current: pa.Table, world: World) -> str | None:
    """The column with the largest drift score over its threshold in Evidently's own preset."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import Report
        from evidently.presets import DataDriftPreset

        names = [c for c in (*world.numbers, *world.codes) if c in current.column_names]
        windows = [t.select(names).slice(0, 5000).to_pandas() for t in (reference, current)]
        report = Report([DataDriftPreset(columns=names)]).run(current_data=windows[1], reference_data=windows[0]).dict()
    ranked = []
    for metric in report["metrics"]:
        config = metric.get("config", {})
        if "column" in config and isinstance(metric.get("value"), (int, float, np.floating)):
            score, threshold, method = float(metric["value"]), float(config.get("threshold", 0.1)), str(config.get("method", ""))
            ranked.append((threshold / max(score, 1e-300) if "p_value" in method else score / threshold, config["column"]))
    return max(ranked)[1] if ranked else None


def classifier_first(reference: pa.Table, current: pa.Table, world: World) -> str | None:
    """Boosted trees learn to tell the windows apart; the column whose permutation costs them most AUC."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.inspection import permutation_importance

    names = [c for c in (*world.numbers, *world.codes) if c in current.column_names]
    tables = [t.select(names).slice(0, 4000).to_pandas() for t in (reference, current)]
    columns = []
    for name in names:
        values = [t[name] for t in tables]
        if any(v.dtype == object for v in values):
            codes = {v: i for i, v in enumerate(dict.fromkeys([*values[0].astype(str), *values[1].astype(str)]))}
            values = [v.astype(str).map(codes) for v in values]
        columns.append(np.concatenate([np.asarray(v, dtype=float) for v in values]))
    x, y = np.column_stack(columns), np.repeat([0, 1], [len(t) for t in tables])
    x[~np.isfinite(x)] = np.nan
    half = np.random.default_rng(0).random(len(y)) < 0.5
    model = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(x[half], y[half])
    found = permutation_importance(model, x[~half], y[~half], scoring="roc_auc", n_repeats=1, random_state=0, max_samples=2000)
    return names[int(found.importances_mean.argmax())]
