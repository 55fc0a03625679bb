"""A release by hand, with MLflow and the model server, past every gate of ours."""

import pyarrow as pa
import pyarrow.parquet

from modelmedic.steps.adapters.models.files import push
from modelmedic.steps.contracts.keys import model_prefix
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.training.train import train_in_child


def release_by_hand(site: Site, rows: pa.Table) -> str:
    """Train on the rows, register, serve, move the alias; the version. Our records get no note of
    the release.
    """
    folder = site.work / "by-hand"
    folder.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(rows, folder / "rows.parquet")
    trained = train_in_child(folder / "rows.parquet", site.policy, folder / "out")
    if trained.folder is None:
        raise RuntimeError(f"the release by hand was not trained: {trained.sentence}")
    made = site.registry.register(trained.folder, key="by-hand", tags={"by": "a colleague"}, metrics={})
    push(site.store, model_prefix(made.digest), trained.folder)
    site.serving.start_canary(made, expected=site.serving.state().generation)
    site.serving.promote(expected=site.serving.state().generation)
    champion = site.policy.registry.champion
    site.registry.move_alias(champion, made.version, expected=site.registry.alias(champion))
    return made.version
