"""Many files judged at once, each by what it says it is: a policy, org-wide defaults or an
overlay.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelmedic.steps.adapters.policy.file import Layers, PolicyDocument, check, check_layer, load_layers, namesakes
from modelmedic.steps.adapters.policy.layers import POLICY, kind_of
from modelmedic.steps.adapters.policy.yaml_tree import Fault, read_tree
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.policy_schema import Kind


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of one file; `policy` is there for a policy without faults."""

    file: str
    kind: Kind
    ok: bool
    policy: Policy | None = None


def check_files(files: Iterable[Path], defaults: Sequence[Path] = (), overlays: Sequence[Path] = ()) -> tuple[list[Checked], list[Fault]]:
    """The fate of each file in its order, and every fault of all of them and of the layers."""
    layers, faults = load_layers(defaults, overlays)
    results, documents = [], []
    for file in files:
        result, document, found = _check(file, layers)
        results.append(result)
        documents += [document] if document else []
        faults += found
    return results, [*faults, *namesakes(documents)]


def _check(file: Path, layers: Layers) -> tuple[Checked, PolicyDocument | None, list[Fault]]:
    tree, _ = read_tree(file)
    kind = (kind_of(tree) if tree else None) or POLICY
    if kind != POLICY:
        found = check_layer(file, kind)[1]
        return Checked(str(file), kind, not found), None, found
    document, found = check(file, layers)
    return Checked(str(file), kind, not found, document.policy if document else None), document, found
