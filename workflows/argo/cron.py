"""The workflows that run by the clock: `monitor-<model>`, which detects, and `reconcile`, which
repairs what a crash left half done.
"""

from typing import Any, Final

from hera.workflows import CronWorkflow

from modelmedic.workflows.argo.step import Call, container, document
from modelmedic.workflows.argo.workflow import common
from modelmedic.workflows.inputs.model import Model
from modelmedic.workflows.inputs.platform import Platform

RECONCILE: Final = "reconcile"
_RECONCILE_SECONDS: Final = 900
_MONITOR_SECONDS: Final = 1800


def monitor(model: Model, platform: Platform) -> dict[str, Any]:
    """Compares the current window with the champion's reference, measures the champion's ageing,
    and pushes both, from which the alerts are made.
    """
    call = Call(
        name="monitor",
        step="monitor",
        step_class="observe",
        image=platform.images.predictor,  # teaches pilots, and asks models that load where they serve
        seconds=_MONITOR_SECONDS,
        flags=(),
        inputs=(),
        outputs=("state",),
        mounted=model.policy_map,
    )
    description = (
        f"[Runbook]({platform.links.runbooks}/ModelmedicMonitorBlind.md) Detects; changes nothing. {model.about} Owner: {model.owner}."
    )
    return _cron(call, platform, model.monitor, "monitor", f"Monitor {model.name}", description, model.schedule, model)


def reconcile(platform: Platform, policies: str) -> dict[str, Any]:
    """Every five minutes, for all models: open incidents past their time, leases of the dead,
    aliases that disagree with what serves.
    """
    call = Call(
        name=RECONCILE,
        step=RECONCILE,
        step_class="deploy",
        image=platform.images.steps,
        seconds=_RECONCILE_SECONDS,
        flags=(),
        inputs=(),
        outputs=("repaired",),
        mounted=policies,
    )
    description = "Repairs what a crash left half done, and says later whether a heal was effective. Retreats; never advances."
    return _cron(call, platform, RECONCILE, RECONCILE, "Reconcile all models", description, "*/5 * * * *", None)


def _cron(
    call: Call, platform: Platform, name: str, component: str, title: str, description: str, schedule: str, model: Model | None
) -> dict[str, Any]:
    workflow = CronWorkflow(
        **common(name, platform.namespace, component, title, description, call.step_class, model),
        schedules=[schedule],
        timezone="Etc/UTC",
        concurrency_policy="Forbid",
        starting_deadline_seconds=300,
        successful_jobs_history_limit=3,
        failed_jobs_history_limit=5,
        entrypoint=call.name,
        active_deadline_seconds=call.seconds,
        templates=[container(call)],
    )
    return document(workflow)
