"""Model folders with an odd MLmodel file, an odd input example or a forged tree: loading one, and
making rows for it, ends with a model or a sentence.
"""

import copy
import functools
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml

from modelmedic.steps.adapters.models.folder import example, own_rows, read_folder, signature
from modelmedic.steps.adapters.models.loader import load_model
from modelmedic.steps.adapters.models.saver import save
from modelmedic.steps.adapters.models.trees import check_trees
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError
from tests.adversary.attack import HELD, Attack, Result, not_held
from tests.data.log import policy

_MUTATIONS: Final = 150
_FORGERIES: Final = 40
_HOSTILE: Final[tuple[Any, ...]] = (
    None, True, -1, 1e308, 10**30, "", " ", [], {}, [[]], {"": ""}, "\x00", "../../etc/passwd", "/dev/zero", "a" * 100_000, "[]", "{",
    "[[[",
    "[" * 5_000, '[{"name": 1}]', '[{"type": "double"}]', '{"name": "x"}', '[1, 2]', "null", "NaN", [None], [{"name": None}], {"inputs": 3},
)  # fmt: skip
_TEXTS: Final[dict[str, bytes]] = {
    "nothing": b"",
    "zeros": bytes(100),
    "no UTF-8": b"\xff\xfeflavors: {}",
    "a list": b"- flavors",
    "a text": b"flavors",
    "a number": b"7",
    "a doubled key": b"flavors: {}\nflavors: 3\n",
    "brackets": b"[" * 20_000,
    "nested maps": b"".join(b" " * n + b"a:\n" for n in range(2_000)),
    "an alias of itself": b"flavors: &a {python_function: *a}\n",
    "a thousand laughs": b"a: &a [x]\n" + b"".join(b"b%d: &b%d [*a, *a]\n" % (n, n) for n in range(30)) + b"flavors: {sklearn: *b29}\n",
    "merges": b"m0: &m0 {x: 1}\n"
    + b"".join(b"m%d: &m%d {<<: [*m%d, *m%d]}\n" % (n, n, n - 1, n - 1) for n in range(1, 40))
    + b"flavors: {sklearn: *m39}\n",
    "a Python object": b"flavors: !!python/object/apply:os.system ['true']\n",
    "a date beyond the calendar": b"flavors: {sklearn: 2026-99-99}\n",
    "a time that is none": b"flavors: {sklearn: 2026-01-01T99:99:99Z}\n",
    "an odd number": b"flavors: {sklearn: 1_:2_:99999999999999999999}\n",
    "a set": b"flavors: !!set {a, b}\n",
    "bytes": b"flavors: !!binary AAAA!\n",
    "an endless number": b"flavors: {sklearn: " + b"9" * 10_000 + b"}\n",
    "an unhashable key": b"flavors: {? [a] : b}\n",
}


def attacks(seed: int) -> Iterator[Attack]:
    _saved()  # once, with the imports that it needs, before processes are forked
    for words, text in _TEXTS.items():
        yield Attack(f"MLmodel: {words}", "model_folders", partial(_with_text, text))
    for number in range(_MUTATIONS):
        yield Attack(f"MLmodel: mutation {number}", "model_folders", partial(_with_mutation, f"{seed}/{number}"))
    for words, example_file in _EXAMPLES.items():
        yield Attack(f"input example: {words}", "model_folders", partial(_with_example, example_file))
    for number in range(_FORGERIES):
        yield Attack(f"forged tree {number}", "model_folders", partial(_with_forged_tree, f"{seed}/{number}"))


@functools.cache
def _saved() -> Path:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rules = policy()
    frame = pd.DataFrame({"income": np.arange(40.0), "age": np.arange(40.0), "region": ["north"] * 40})
    model = make_pipeline(LogisticRegression()).fit(frame[["income", "age"]], np.arange(40) % 2)
    return save(model, Path(tempfile.mkdtemp(prefix="adversary-model-")) / "model", rules, frame)


def _copied(folder: Path) -> Path:
    import shutil

    return Path(shutil.copytree(_saved(), folder / "model"))


def _loaded(folder: Path) -> Result:
    for load in (load_model, _read, own_rows):
        try:
            load(folder)
        except ModelmedicError as error:
            if len(str(error)) > 2_000:
                return not_held(f"it says {len(str(error))} characters")
    return HELD


def _read(folder: Path) -> object:
    document = read_folder(folder)
    return signature(document), example(folder, document)


def _with_text(text: bytes, folder: Path) -> Result:
    model = _copied(folder)
    (model / "MLmodel").write_bytes(text)
    return _loaded(model)


def _with_mutation(seed: str, folder: Path) -> Result:
    model, rng = _copied(folder), random.Random(seed)
    document = yaml.safe_load((model / "MLmodel").read_text())
    for _ in range(rng.choice((1, 1, 2, 4))):
        _mutate(document, rng)
    (model / "MLmodel").write_text(yaml.safe_dump(document))
    return _loaded(model)


def _mutate(document: dict[str, Any], rng: random.Random) -> None:
    """Put something hostile at one place, at whatever depth."""
    at: Any = document
    while True:
        key = rng.choice(list(at))
        if not isinstance(at[key], dict) or not at[key] or rng.random() < 0.3:
            at[key] = copy.deepcopy(rng.choice(_HOSTILE))
            return
        at = at[key]


_EXAMPLES: Final[dict[str, Callable[[Path], object]]] = {
    "nothing": lambda file: file.write_text(""),
    "brackets": lambda file: file.write_text("[" * 100_000),
    "no columns": lambda file: file.write_text('{"data": [[1]]}'),
    "short rows": lambda file: file.write_text('{"columns": ["a", "b"], "data": [[1]]}'),
    "mixed values": lambda file: file.write_text('{"columns": ["a"], "data": [[1], ["x"], [{}]]}'),
    "large numbers": lambda file: file.write_text(json.dumps({"columns": ["a"], "data": [[10**400]]})),
    "a list": lambda file: file.write_text("[1]"),
    "a doubled column": lambda file: file.write_text('{"columns": ["a", "a"], "data": [[1, 2]]}'),
    "half a surrogate": lambda file: file.write_text('{"columns": ["\\ud800"], "data": [["\\ud800"]]}'),
    "no UTF-8": lambda file: file.write_bytes(b"\xff"),
    "a link": lambda file: (file.unlink(), file.symlink_to("/dev/zero")),
    "a pipe": lambda file: (file.unlink(), __import__("os").mkfifo(file)),
}  # fmt: skip


def _with_example(change: Callable[[Path], object], folder: Path) -> Result:
    model = _copied(folder)
    info = yaml.safe_load((model / "MLmodel").read_text())["saved_input_example_info"]
    change(model / info["artifact_path"])
    return _loaded(model)


def _with_forged_tree(seed: str, folder: Path) -> Result:
    """A node that leads back, away or nowhere, or asks for a column that is not there: it is named,
    before anything follows it.
    """
    del folder
    rng = random.Random(seed)
    model = copy.deepcopy(_fitted(rng.choice(("forest", "boosted", "old boosted", "tree"))))
    check_trees(model)
    _forge(model, rng)
    try:
        check_trees(model)
    except BadInput:
        return HELD
    return not_held(f"the forged {type(model).__name__} was taken")


@functools.cache
def _fitted(kind: str) -> Any:
    from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor, RandomForestRegressor
    from sklearn.tree import DecisionTreeRegressor

    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    kinds: dict[str, Any] = {
        "forest": RandomForestRegressor(3, random_state=0),
        "boosted": HistGradientBoostingRegressor(max_iter=3),
        "old boosted": GradientBoostingRegressor(n_estimators=3),
        "tree": DecisionTreeRegressor(random_state=0),
    }
    return kinds[kind].fit(x, x[:, 0] + np.abs(x[:, 1]))


def _forge(model: Any, rng: random.Random) -> None:
    if hasattr(model, "_predictors"):
        nodes = rng.choice(model._predictors)[0].nodes
        split = int(rng.choice(np.flatnonzero(nodes["is_leaf"] == 0).tolist()))
        field, value = rng.choice(
            (("left", split), ("right", 0), ("left", len(nodes)), ("right", 2**31), ("feature_idx", 4), ("is_categorical", 1))
        )
        nodes[field][split] = value
        return
    tree = model.tree_ if hasattr(model, "tree_") else rng.choice(np.ravel(model.estimators_).tolist()).tree_
    state = tree.__getstate__()
    nodes = state["nodes"]
    split = int(rng.choice(np.flatnonzero(nodes["left_child"] != -1).tolist()))
    field, value = rng.choice(
        (("left_child", split), ("right_child", 0), ("left_child", len(nodes)), ("right_child", -7), ("feature", 4), ("feature", -3))
    )
    nodes[field][split] = value
    tree.__setstate__(state)
