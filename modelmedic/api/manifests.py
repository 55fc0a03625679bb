"""`render` for Python: policies to the manifests of a cluster, in memory or on disk."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from modelmedic.api import policies
from modelmedic.workflows.inputs.platform import Platform, read_platform
from modelmedic.workflows.output.tree import Difference, compare, write


@dataclass(frozen=True, slots=True)
class Manifests:
    """A rendered tree: texts by their path below the folder that they are for."""

    models: tuple[str, ...]
    files: Mapping[str, str] = field(repr=False)

    def compare(self, folder: str | os.PathLike[str]) -> Difference:
        """The changes that `write` would make in the folder."""
        return compare(self.files, Path(folder))

    def write(self, folder: str | os.PathLike[str]) -> Difference:
        """Write what differs, and remove what an earlier render wrote and this one does not. Raises
        BadInput.
        """
        return write(self.files, Path(folder))

    def __repr__(self) -> str:
        return f"Manifests({len(self.files)} files for {', '.join(self.models)})"

    def _repr_html_(self) -> str:
        from modelmedic.steps.reporting.render import fragment

        rows = [(path, text.count("\n")) for path, text in self.files.items()]
        return fragment("notebook_manifests.html.j2", models=self.models, rows=rows)


def render(
    given: policies.Given | Sequence[policies.Given],
    *,
    platform: Platform | str | os.PathLike[str] | None = None,
    images: Mapping[str, str] | None = None,
    defaults: policies.Files = (),
    overlays: policies.Files = (),
) -> Manifests:
    """The manifests of one policy or several, offline; the same input gives the same bytes.

    `platform` is what is to be known of the cluster, a file or a Platform; `images` by name
    (steps, train, report, predictor) stand above those of a platform file.

    Raises BadPolicy for a policy, BadInput for a platform file that is wrong.
    """
    from modelmedic.steps.contracts.errors import BadInput
    from modelmedic.workflows.render.render import render as rendered

    wanted = policies.read(given, defaults, overlays)
    if isinstance(platform, Platform):
        if images:
            raise BadInput("images are given beside a Platform, which names its own; expected them in its images")
        cluster = platform
    else:
        cluster = read_platform(None if platform is None else Path(platform), images)
    return Manifests(tuple(policy.name for policy in wanted), MappingProxyType(dict(rendered(wanted, cluster))))
