"""The work of the steps image on one model: the monitor's look, the diagnosis, the close with its
page.
"""

from datetime import timedelta
from pathlib import Path

from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.inference_log import LABELLED_AT
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.data.backfill import write_labels, write_log
from modelmedic.steps.data.windows import LoggedWindows
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.heal.close import close
from modelmedic.steps.heal.diagnose import diagnose
from modelmedic.steps.runtime.run import Run
from tests.worlds.training import NOW, START, TURN, policy, rows, site


class OneVersion:
    """A registry as far as a diagnosis looks at it."""

    def alias(self, alias: str) -> str | None:
        return "1" if alias == "champion" else None

    def version(self, version: str) -> ModelVersion:
        return ModelVersion("churn", version, "0" * 64, "models/0")

    def versions(self) -> tuple[ModelVersion, ...]:
        return ()

    def fetch(self, version: str, to: Path) -> Path:
        raise NotFound(f"version {version} is not to be had in {to.parent}")

    def remark(self, name: str) -> str | None:
        del name
        return None

    def set_remark(self, name: str, text: str) -> None:
        del name, text


def live(work: Path) -> str:
    """The finding about the window, the remedy, and how the incident ended, since nothing in
    this image trains.
    """
    rules = policy(detect={"persistence": {"hits": 1, "of": 1}})
    log = rows(TURN - timedelta(days=10), NOW, rules)
    at = site(work, rules, log)
    write_log(at.store, rules, log)
    write_labels(at.store, rules, log.append_column(LABELLED_AT, log["at"]))
    at.windows = LoggedWindows(at.store, rules, at.clock)
    at.references.keep("1", rows(START, TURN, rules))
    at.registry = OneVersion()  # type: ignore[assignment]
    seen = monitor(at)
    assert seen.incident is not None
    run = Run(at, at.ledger.find(seen.incident))
    remedy = diagnose(run)["remedy"]
    outcome = close(run)["outcome"]
    page = (run.site.ledger.stage(run.incident, "close") or {})["report"]
    assert b"<svg" in at.store.get(page).data
    return f"{seen.verdict.state.value} {remedy} {outcome}"
