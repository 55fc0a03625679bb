"""The first champion of the turning world, trained once for every test that begins with it."""

import pytest

from modelmedic.steps.bootstrap.in_process import bootstrap
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.training.process import in_this_process
from tests.adapters.mlflow.conftest import empty_database  # noqa: F401
from tests.worlds.training import START, TURN, policy, rows, site


@pytest.fixture(scope="session")
def bootstrapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, ModelVersion]:
    """A site with an empty log and its first champion; tests change a copy of it (`moved_in`)."""
    rules = policy()
    old = rows(START, TURN, rules)
    at = site(tmp_path_factory.mktemp("bootstrapped"), rules, old.slice(0, 0))
    with in_this_process():
        return at, bootstrap(at, old)
