"""The whole tree of manifests of some policies and a platform: pure, offline, the same bytes each
time. Called by `modelmedic render` and `diff`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from modelmedic.steps.contracts.policy import Policy
from modelmedic.workflows.argo import bootstrap, cron, heal, note_change, triage
from modelmedic.workflows.cluster import accounts, admission, config, network, policies, serving
from modelmedic.workflows.cluster.store_access import store_policies
from modelmedic.workflows.events import alertmanager, alertmanager_config, argo_events
from modelmedic.workflows.inputs.model import Model, model_of
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.monitoring import alerts, dashboards, pod_monitors
from modelmedic.workflows.output.tree import BASE, EVENTS, Tree, kustomization, with_list
from modelmedic.workflows.output.yaml import dump, dump_all
from modelmedic.workflows.render.template import TextTemplate, fields_of, placeholder

Documents = Iterable[dict[str, Any]]
_TEXT: Final = "text"  # the policy's own text, a value beside the model's

# The files of one model, each with the function that builds its documents.
MODEL_FILES: Final[dict[str, Callable[[Model, Platform], Documents]]] = {
    "heal.yaml": lambda model, platform: [heal.heal(model, platform)],
    "bootstrap.yaml": lambda model, platform: [bootstrap.bootstrap(model, platform)],
    "monitor.yaml": lambda model, platform: [cron.monitor(model, platform)],
    "access.yaml": accounts.model_access,
    "policy.yaml": lambda model, platform: [policies.policy_map(model, platform, placeholder(_TEXT))],
}


def render(wanted: Sequence[Policy], platform: Platform) -> Tree:
    """The tree for these policies; their order does not matter."""
    ordered = sorted(wanted, key=lambda policy: policy.name)
    models = [model_of(policy, platform) for policy in ordered]
    files = {f"{EVENTS}/{name}": text for name, text in _events(platform)}
    files |= {f"{BASE}/platform/{name}": text for name, text in _platform(models, platform)}
    files |= {f"{BASE}/models/{name}": text for name, text in _models(ordered, models, platform)}
    files |= {f"{BASE}/monitoring/{name}": text for name, text in _monitoring(models, platform)}
    files |= {f"{BASE}/store-access/{name}": text for name, text in store_policies(ordered, platform).items()}
    files[f"{BASE}/argo-cd/ignore-differences.yaml"] = _headed(dump({"ignoreDifferences": serving.ignore_differences(models)}))
    files[f"{BASE}/kustomization.yaml"] = _headed(kustomization(["platform", "models"]))
    return with_list(files)


def _platform(models: Sequence[Model], platform: Platform) -> Iterator[tuple[str, str]]:
    index = policies.index_map(models, platform)
    index_name = index["metadata"]["name"]
    namespaces = sorted({model.serving_namespace for model in models})
    yield from _folder(
        {
            "accounts.yaml": accounts.accounts(platform),
            "admission.yaml": admission.admission(platform),
            "config.yaml": config.config(platform),
            "namespace.yaml": [config.namespace(platform)],
            "network.yaml": network.network(platform, namespaces),
            "policies.yaml": [index],
            "reconcile.yaml": [cron.reconcile(platform, index_name)],
            "serving.yaml": [
                build(namespace)
                for namespace in namespaces
                for build in (partial(serving.serving_runtime, platform=platform, models=models), serving.predictor_account)
            ],
            "note-change.yaml": [note_change.note_change(platform, index_name)],
            "triage.yaml": [triage.triage(platform, index_name)],
        }
    )


def _events(platform: Platform) -> Iterator[tuple[str, str]]:
    yield from _folder(
        {
            "access.yaml": argo_events.events_access(platform),
            "disruption.yaml": argo_events.disruption_budgets(platform),
            "event-bus.yaml": [argo_events.event_bus(platform)],
            "event-source.yaml": [argo_events.event_source(platform)],
            "network.yaml": argo_events.events_network(platform),
            "sensor.yaml": argo_events.sensors(platform),
        }
    )


def _monitoring(models: Sequence[Model], platform: Platform) -> Iterator[tuple[str, str]]:
    """Objects for the operators of Prometheus and Grafana, and the same as plain files for those
    who have none.
    """
    yield from _folder(
        {
            "prometheus-rule.yaml": [alerts.prometheus_rule(platform)],
            "pod-monitors.yaml": pod_monitors.pod_monitors(platform, {model.serving_namespace for model in models}),
            "dashboards.yaml": dashboards.config_maps(platform),
            "alertmanager-config.yaml": [alertmanager_config.alertmanager_config(platform)],
        }
    )
    plain = {
        alerts.RULES_FILE: alerts.rules_file(platform),
        "rules.test.yaml": alerts.rules_test(platform),
        "alertmanager.yaml": alertmanager.alertmanager(platform),
    }
    for name, document in plain.items():
        yield f"plain/{name}", _headed(dump(document))
    yield "plain/kustomization.yaml", _headed(alerts.plain_kustomization(platform, plain))


def _models(wanted: Sequence[Policy], models: Sequence[Model], platform: Platform) -> Iterator[tuple[str, str]]:
    templates = {mode: _templates(mode, platform) for mode in {model.mode for model in models}}
    header = _headed("", " from the policy {}")
    listing = _headed(kustomization(sorted(MODEL_FILES)))
    for policy, model in zip(wanted, models, strict=True):
        values = {**fields_of(model), _TEXT: policies.policy_text(policy)}
        head = header.format(model.name)
        for name, template in templates[model.mode].items():
            yield f"{model.name}/{name}", head + template.filled(values)
        yield f"{model.name}/kustomization.yaml", listing
    yield "kustomization.yaml", _headed(kustomization(model.name for model in models))


def _templates(mode: str, platform: Platform) -> dict[str, TextTemplate]:
    def built(build: Callable[[Model, Platform], Documents], model: Model) -> list[dict[str, Any]]:
        return list(build(model, platform))

    return {name: TextTemplate(partial(built, build), mode) for name, build in MODEL_FILES.items()}


def _folder(files: Mapping[str, Documents]) -> Iterator[tuple[str, str]]:
    for name, documents in files.items():
        yield name, _headed(dump_all(documents))
    yield "kustomization.yaml", _headed(kustomization(sorted(files)))


def _headed(text: str, origin: str = "") -> str:
    return f"# Written by `modelmedic render`{origin}; edit the policy or the platform file, not this.\n{text}"
