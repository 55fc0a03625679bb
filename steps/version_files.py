"""The files of a registered version on this machine, verified."""

from pathlib import Path

from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.model_files import pull
from modelmedic.steps.run import Site


def version_files(site: Site, model: ModelVersion) -> Path:
    """From the object store, or from MLflow for a version that somebody registered there without us. Raises NotFound or Refused."""
    to = site.work / "models" / (model.digest or f"version-{model.version}")
    if not model.digest:
        return site.registry.fetch(model.version, to)
    try:
        return pull(site.store, model.uri, to, model.digest)
    except NotFound:
        return site.registry.fetch(model.version, to)
