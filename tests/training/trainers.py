"""Training functions as users write them, most of them badly."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from modelmedic.steps.contracts.policy import Policy


def crashing(frame: pd.DataFrame, policy: Policy) -> Any:
    raise KeyError(f"no column of {len(frame)} rows\nis called colour ({policy.name})")


def weighing(frame: pd.DataFrame, policy: Policy, sample_weight: Any) -> Any:
    raise RuntimeError(f"{len(frame)} rows of {policy.name} weigh {sample_weight.min():.3f} to {sample_weight.max():.3f}")


def counting(frame: pd.DataFrame, policy: Policy) -> Any:
    newest = (frame[policy.data.time] > frame[policy.data.time].max() - pd.Timedelta("1d")).mean()
    raise RuntimeError(f"{len(frame)} rows, {newest:.2f} of the newest day")


def hanging(frame: pd.DataFrame, policy: Policy) -> Any:
    del frame, policy
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    Path(os.environ["HOME"], "child").write_text(str(child.pid))
    time.sleep(300)


def killed(frame: pd.DataFrame, policy: Policy) -> Any:
    del frame, policy
    os.kill(os.getpid(), signal.SIGKILL)


def vanishing(frame: pd.DataFrame, policy: Policy) -> Any:
    del frame, policy
    os._exit(0)


def spying(frame: pd.DataFrame, policy: Policy) -> Any:
    del frame, policy
    raise RuntimeError(",".join(sorted(os.environ)))


def forest(frame: pd.DataFrame, policy: Policy) -> Any:
    """A good user's: their own choice of scikit-learn parts."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    columns = make_column_transformer(
        (SimpleImputer(), list(policy.data.numeric)), (OneHotEncoder(handle_unknown="ignore"), list(policy.data.categorical))
    )
    model = make_pipeline(columns, RandomForestClassifier(20, min_samples_leaf=20, random_state=0, n_jobs=1))
    return model.fit(frame[list(policy.features)], frame[policy.data.target])


def reading(frame: pd.DataFrame, policy: Policy) -> Any:
    del frame, policy
    raise RuntimeError(Path(os.environ["TZ"], "secret").read_text())  # a variable that is passed on tells the path


def connecting(frame: pd.DataFrame, policy: Policy) -> Any:
    del frame, policy
    with socket.create_connection(("127.0.0.1", int(os.environ["TZ"])), timeout=5):
        raise RuntimeError("connected")


def in_pairs(frame: pd.DataFrame, policy: Policy) -> Any:
    """A good user's who works in several processes."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, n_jobs=2)
    search.fit(frame[list(policy.data.numeric)], frame[policy.data.target])
    raise RuntimeError(f"tried {len(search.cv_results_['params'])}")


not_a_function = 7


def pickled(frame: pd.DataFrame, policy: Policy) -> Any:
    """A model that only pickling can save: a scikit-learn estimator of the user's own class."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Own(ClassifierMixin, BaseEstimator):
        def fit(self, rows: pd.DataFrame, target: pd.Series) -> "Own":
            self.classes_, self.n_features_in_ = target.unique(), rows.shape[1]
            return self

        def predict(self, rows: pd.DataFrame) -> Any:
            return [0.0] * len(rows)

    sys.stderr.write(f"taught {len(frame)} rows\n")
    return Own().fit(frame, frame[policy.data.target])
