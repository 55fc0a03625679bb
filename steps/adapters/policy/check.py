"""Many files judged at once, each by what it says it is: a policy, org-wide defaults or an
overlay.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelmedic.steps.adapters.policy.faults import placed
from modelmedic.steps.adapters.policy.file import Layers, PolicyDocument, check, check_layer, load_layers, namesakes
from modelmedic.steps.adapters.policy.layers import POLICY, kind_of
from modelmedic.steps.adapters.policy.yaml_tree import Fault, read_tree
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.policy_schema import Kind
from modelmedic.steps.core.scaffold.attainable import unattainable
from modelmedic.steps.core.scaffold.rate import RowRate


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of one file; `policy` is there for a policy without faults."""

    file: str
    kind: Kind
    ok: bool
    policy: Policy | None = None
    rate: str = ""  # of the model's rows, such as `24 rows a day`; empty where it is not known


def check_files(
    files: Iterable[Path],
    defaults: Sequence[Path] = (),
    overlays: Sequence[Path] = (),
    rate: Callable[[Policy], RowRate | None] = lambda _policy: None,
) -> tuple[list[Checked], list[Fault]]:
    """The fate of each file in its order, and every fault of all of them and of the layers. Where
    `rate` knows the rate of a policy's rows, what can never pass at it is a fault as well.
    """
    layers, faults = load_layers(defaults, overlays)
    results, documents = [], []
    for file in files:
        result, document, found = _check(file, layers, rate)
        results.append(result)
        documents += [document] if document else []
        faults += found
    return results, [*faults, *namesakes(documents)]


def _check(file: Path, layers: Layers, rate: Callable[[Policy], RowRate | None]) -> tuple[Checked, PolicyDocument | None, list[Fault]]:
    tree, _ = read_tree(file)
    kind = (kind_of(tree) if tree else None) or POLICY
    if kind != POLICY:
        found = check_layer(file, kind)[1]
        return Checked(str(file), kind, not found), None, found
    document, found = check(file, layers)
    if document is None:
        return Checked(str(file), kind, not found), None, found
    known = rate(document.policy)
    found = placed(document.tree, unattainable(document.policy, known)) if known is not None else found
    return Checked(str(file), kind, not found, document.policy, known.words if known is not None else ""), document, found
