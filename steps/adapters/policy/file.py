"""Policies from YAML files, with every fault of every file at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelmedic.steps.adapters.policy.faults import validated
from modelmedic.steps.adapters.policy.layers import DEFAULTS, OVERLAY, POLICY, Stated, merged, origins, warn_of_former_spelling, wrong_kind
from modelmedic.steps.adapters.policy.yaml_tree import REFUSED, Fault, Node, read_tree
from modelmedic.steps.contracts.errors import BadPolicy
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.policy_schema import Kind


class PolicyFaults(BadPolicy):
    """Its text has a line per fault; `faults` has them one by one."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(dict.fromkeys(faults))
        lines = [str(fault) for fault in self.faults]
        files = len({fault.file for fault in self.faults})
        where = self.faults[0].file if files == 1 else f"{files} files"
        super().__init__("\n".join([f"{len(lines)} faults in {where}", *lines] if len(lines) > 1 else lines))


@dataclass(frozen=True, slots=True)
class Layers:
    """Trees of org-wide defaults and of overlays; the later wins."""

    defaults: Sequence[Node] = ()
    overlays: Sequence[Node] = ()


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy with the files that it was read from."""

    policy: Policy
    tree: Node

    @property
    def origins(self) -> dict[str, Stated]:
        """Every value by its dotted path, with `file:line`, or `default`."""
        return origins(self.tree, self.policy.model_dump(mode="json", by_alias=True))


def load_policy(path: Path, defaults: Sequence[Path] = (), overlays: Sequence[Path] = ()) -> Policy:
    """The policy in `path`, over `defaults` (the later wins) and under `overlays` (the later wins).
    Raises PolicyFaults (78).
    """
    return load_document(path, defaults, overlays).policy


def load_document(path: Path, defaults: Sequence[Path] = (), overlays: Sequence[Path] = ()) -> PolicyDocument:
    """The policy as `load_policy` reads it, with the origin of every value."""
    return load_documents([path], defaults, overlays)[0]


def load_policies(paths: Iterable[Path], defaults: Sequence[Path] = (), overlays: Sequence[Path] = ()) -> list[Policy]:
    """All the policies, in the order of the paths, or one PolicyFaults with every fault of every
    file.
    """
    return [document.policy for document in load_documents(paths, defaults, overlays)]


def load_documents(paths: Iterable[Path], defaults: Sequence[Path] = (), overlays: Sequence[Path] = ()) -> list[PolicyDocument]:
    layers, faults = load_layers(defaults, overlays)
    documents = []
    for path in paths:
        document, found = check(path, layers)
        faults += found
        documents += [document] if document else []
    faults += namesakes(documents)
    if faults:
        raise PolicyFaults(faults)
    return documents


def load_layers(defaults: Sequence[Path] = (), overlays: Sequence[Path] = ()) -> tuple[Layers, list[Fault]]:
    """The layers below and above every policy, read once for all of them; a layer with faults is
    left out.
    """
    faults: list[Fault] = []
    return Layers(_layers(defaults, DEFAULTS, faults), _layers(overlays, OVERLAY, faults)), faults


def check(path: Path, layers: Layers | None = None) -> tuple[PolicyDocument | None, list[Fault]]:
    """One policy in its layers, or its faults."""
    tree, faults = read_tree(path)
    if tree is None or tree.value is REFUSED:
        return None, faults
    if stranger := wrong_kind(tree, POLICY):
        return None, [stranger]
    warn_of_former_spelling(tree)
    whole = merged(tree, layers.defaults, layers.overlays) if layers else tree
    policy, found = validated(whole)
    faults = sorted({*faults, *found})
    return (PolicyDocument(policy, whole), []) if policy and not faults else (None, faults)


def check_layer(path: Path, kind: Kind) -> tuple[Node | None, list[Fault]]:
    """A file of defaults or an overlay, judged by itself: nothing is required of it, and nothing
    else is let through.
    """
    tree, faults = read_tree(path)
    if tree is None or tree.value is REFUSED:
        return None, faults
    if stranger := wrong_kind(tree, kind):
        return None, [stranger, *faults]
    warn_of_former_spelling(tree)
    return tree, sorted({*faults, *validated(tree, kind)[1]})


def _layers(paths: Sequence[Path], kind: Kind, faults: list[Fault]) -> list[Node]:
    trees = []
    for path in paths:
        tree, found = check_layer(path, kind)
        faults += found
        trees += [tree] if tree and not found else []
    return trees


def namesakes(documents: list[PolicyDocument]) -> list[Fault]:
    """Two policies of one name would own the same objects."""
    first: dict[str, Node] = {}
    faults = []
    for document in documents:
        node = document.tree.value["metadata"].value["name"]
        other = first.setdefault(document.policy.name, node)
        if other is not node:
            sentence = f"metadata.name is {node.value}, as in {other.file}:{other.line}; expected a name of its own for each policy"
            faults.append(Fault(node.file, node.line, sentence))
    return faults
