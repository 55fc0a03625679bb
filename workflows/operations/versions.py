"""The versions of Kubernetes, Argo and KServe that a cluster has, against the lowest that work and
those that were tried (docs/compatibility.md). Called by `modelmedic doctor`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from modelmedic.steps.adapters.kube.client import Document
from modelmedic.workflows.operations.inspection import MISSING, OK, UNKNOWN, Inspection


@dataclass(frozen=True, slots=True)
class Tried:
    """`lowest` is the first version that works. `minor` is the major and minor number of the
    version that was tried, and `words` its name in docs/compatibility.md. `image` is the last part
    of its controller's image, without the tag.
    """

    lowest: tuple[int, ...]
    minor: tuple[int, int]
    words: str
    image: str = ""


KUBERNETES: Final = "Kubernetes"
TRIED: Final = {
    KUBERNETES: Tried((1, 30), (1, 34), "1.34"),  # ValidatingAdmissionPolicy is on by default
    "Argo Workflows": Tried((4, 1, 2), (4, 1), "4.1.2", "workflow-controller"),  # several lock faults were repaired up to it
    "Argo Events": Tried((1, 9, 6), (1, 9), "1.9.11", "argo-events"),  # earlier ones let an EventSource mount the host
    "KServe": Tried((0, 20, 1), (0, 20), "main of August 2026", "kserve-controller"),  # 0.20.0 writes no canary's share into the route
}


def of_controllers(deployments: list[Document]) -> Iterator[Inspection]:
    """The versions that the controllers' images name, one line for each version there is."""
    images = sorted({image for each in deployments for image in _images(each)})
    for subject, tried in TRIED.items():
        if not tried.image:
            continue
        found = dict.fromkeys(_tag(image) for image in images if tried.image == _name(image))
        if not found:
            yield Inspection(subject, UNKNOWN, "has no controller that can be seen", f"tried: {tried.words}")
        for tag in found:
            yield judged(subject, tag)


def judged(subject: str, version: str) -> Inspection:
    """One version of a thing that `TRIED` names."""
    tried, least = TRIED[subject], f"{'.'.join(map(str, TRIED[subject].lowest))} or later"
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
    if len(numbers) < 2:
        return Inspection(subject, UNKNOWN, f"has the version {version}, which names no number", f"see that it is {least}")
    if numbers < tried.lowest:
        return Inspection(subject, MISSING, f"is {version}", f"upgrade to {least}")
    if numbers[:2] == tried.minor:
        return Inspection(subject, OK, f"is {version}; tried: {tried.words}")
    side = "newer" if numbers[:2] > tried.minor else "older"
    sentence = f"is {version}, {side} than the one that was tried ({tried.words})"
    return Inspection(subject, UNKNOWN, sentence, "docs/compatibility.md has what was tried")


def _images(deployment: Document) -> list[str]:
    return [str(container.get("image", "")) for container in deployment["spec"]["template"]["spec"]["containers"]]


def _name(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _tag(image: str) -> str:
    """An image named by its digest alone has none."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2] or "of a digest alone"
