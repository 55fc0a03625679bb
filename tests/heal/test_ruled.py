"""A heal whose cause a person named does what the policy's rule says of that cause."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.results import DiagnoseResult
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Outcome, Remedy
from modelmedic.steps.heal.close import close
from modelmedic.steps.heal.diagnose import diagnose
from modelmedic.steps.incidents.opening import open_incident
from modelmedic.steps.incidents.ruling import rule
from modelmedic.steps.runtime.run import Run
from tests.data.log import DAY, START, policy
from tests.worlds.detection import monitored_site


def flipped_in_part(table: pa.Table) -> pa.Table:
    """A tenth of the labels turned round: too few to tell flipped labels from a new law."""
    labels = table["defaulted"].to_numpy()
    turned = np.random.default_rng(0).random(len(labels)) < 0.1
    return table.set_column(table.column_names.index("defaulted"), "defaulted", pa.array(np.where(turned, 1 - labels, labels)))


def test_a_person_who_knows_the_cause_has_it_healed_as_that(tmp_path: Path) -> None:
    here = monitored_site(tmp_path, policy())
    here.aliases.known = ModelVersion("loans", "1", "d1" * 32, "models/1")
    here.serve(0)
    here.serve(7, change=flipped_in_part)
    here.at(18)
    doubtful = Run(here.site, open_incident(here.site, Window(START + 7 * DAY, START + 14 * DAY), "drift-verdict", {})[0])
    assert diagnose(doubtful)["remedy"] == Remedy.ESCALATE.value
    assert close(doubtful)["outcome"] == Outcome.ESCALATED.value
    ruled = rule(here.site, doubtful.incident, Cause.CONCEPT_DRIFT, "ann")
    assert diagnose(ruled)["remedy"] == Remedy.RETRAIN.value
    found = ruled.result(DiagnoseResult).diagnosis
    assert (found.cause, found.sentence) == (Cause.CONCEPT_DRIFT, "ann says that it is concept_drift")
