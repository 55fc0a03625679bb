"""The schemas know the fields that packages and definitions say, and a kind
without a schema is counted and named.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hera.workflows import models as hera_models

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.lint.findings import Unchecked
from modelmedic.workflows.lint.objects import read_objects
from modelmedic.workflows.lint.schemas import hera, kserve
from modelmedic.workflows.lint.schemas.crds import read_definitions
from modelmedic.workflows.lint.schemas.own import SPECS
from modelmedic.workflows.lint.structure import structure
from modelmedic.workflows.render.render import render
from tests.lint.planted import external_secret, inference_service
from tests.render.policies import policy

CONFIG = {
    "apiVersion": "monitoring.coreos.com/v1alpha1",
    "kind": "ScrapeConfig",
    "metadata": {"name": "modelmedic", "namespace": "modelmedic"},
    "spec": {"route": {"receiver": "modelmedic", "groupBy": ["model"]}, "receivers": [{"name": "modelmedic"}]},
}


def tree_of(*documents: Any) -> dict[str, str]:
    return {f"{number}.yaml": yaml.safe_dump(document) for number, document in enumerate(documents)}


def crd(folder: Path, group: str, version: str, kind: str, spec: Any) -> None:
    """A CustomResourceDefinition as an operator ships one, in a file of its own."""
    top = {"type": "object", "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "spec": spec}}
    versions = [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": top}}]
    document = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.lower()}s.{group}"},
        "spec": {"group": group, "names": {"kind": kind, "plural": f"{kind.lower()}s"}, "scope": "Namespaced", "versions": versions},
    }
    (folder / f"{kind}.yaml").write_text(yaml.safe_dump(document))


@pytest.fixture
def config_crd(tmp_path: Path) -> Path:
    route = {"type": "object", "properties": {"receiver": {"type": "string"}, "groupBy": {"type": "array", "items": {"type": "string"}}}}
    receiver = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    spec = {"type": "object", "properties": {"route": route, "receivers": {"type": "array", "items": receiver}}}
    crd(tmp_path, "monitoring.coreos.com", "v1alpha1", "ScrapeConfig", spec)
    return tmp_path


@pytest.mark.parametrize("kind", ["Workflow", "WorkflowTemplate", "CronWorkflow"])
def test_the_schemas_read_from_source_have_the_fields_of_the_models(kind: str) -> None:
    """Read as text for speed; pydantic's own schema of the imported models is the measure."""
    definitions = hera_schema_definitions(kind)
    measure = getattr(hera_models, kind).model_json_schema()["$defs"]
    compared = 0
    for name, model in measure.items():
        if model.get("properties") and "__" not in name:  # a name of two modules is spelt with both
            (read,) = [each for key, each in definitions.items() if key.rpartition(".")[2] == name]
            assert set(read["properties"]) == set(model["properties"]), name
            assert set(read["required"]) == set(model.get("required", [])), name
            compared += 1
    assert compared > 100


def hera_schema_definitions(kind: str) -> dict[str, Any]:
    schema = hera.hera_schema(hera.API_VERSION, kind)
    assert schema is not None
    found: dict[str, Any] = {}
    queue = [schema.validator.schema]
    while queue:
        each = queue.pop()
        for key in _references(each):
            if key not in found:
                found[key] = schema.validator.schema["$defs"][key]
                queue.append(found[key])
    return {key: each for key, each in found.items() if "properties" in each}


def _references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return {key for each in schema for key in _references(each)}
    if not isinstance(schema, dict):
        return set()
    own = {schema["$ref"].removeprefix("#/$defs/")} if isinstance(schema.get("$ref"), str) else set()
    return own.union(*(_references(each) for name, each in schema.items() if name != "$defs"))


def test_kserves_schemas_have_the_fields_of_its_models() -> None:
    from kserve import models

    schema = kserve.kserve_schema("serving.kserve.io/v1beta1", "InferenceService")
    assert schema is not None
    definitions = schema.validator.schema["$defs"]
    for name in ("V1beta1InferenceServiceSpec", "V1beta1PredictorSpec", "V1beta1ModelSpec", "V1beta1CanarySpec"):
        assert set(definitions[name]["properties"]) == set(getattr(models, name).attribute_map.values())


def test_good_objects_of_every_source_are_clean() -> None:
    canary = inference_service(canaryTrafficPercent=10, minReplicas=1)
    found = structure(read_objects({**render([policy()], Platform()), **tree_of(canary, external_secret(refreshInterval="1h"))}))
    assert (found.found, found.unchecked) == ((), ())
    assert set(found.sources) == {"Argo Events", "Argo Workflows", "KServe", "Kubernetes 1.34", "this program's own list of fields"}
    assert found.seen == sum(found.sources.values())


def test_every_kind_with_a_list_of_our_own_is_seen() -> None:
    objects = read_objects({**render([policy()], Platform()), **tree_of(external_secret())})
    assert {(thing.api_version, thing.kind) for thing in objects.all} >= set(SPECS)


def test_a_kind_without_a_schema_is_counted_and_the_way_to_one_named() -> None:
    found = structure(read_objects(tree_of(CONFIG, CONFIG, external_secret())))
    assert (found.seen, found.found) == (1, ())
    assert found.unchecked == (Unchecked("ScrapeConfig", "monitoring.coreos.com/v1alpha1", 2),)
    assert str(found.unchecked[0]).startswith("2 objects of kind ScrapeConfig (monitoring.coreos.com/v1alpha1)")
    assert "--crds cluster" in str(found.unchecked[0])


def test_a_definition_holds_its_kind_and_finds_a_misspelt_field(config_crd: Path) -> None:
    definitions = read_definitions(config_crd, {"ScrapeConfig"})
    assert structure(read_objects(tree_of(CONFIG)), definitions).sources == {"the CustomResourceDefinition": 1}
    bad = {**CONFIG, "spec": {"route": {"reciever": "modelmedic"}}}
    found = structure(read_objects(tree_of(bad)), definitions)
    assert (found.seen, found.unchecked) == (1, ())
    assert [each.sentence for each in found.found] == [
        "spec.route has the field reciever, which the CustomResourceDefinition does not know"
    ]


def test_a_definition_that_lets_any_field_pass_is_not_counted_as_a_check(tmp_path: Path) -> None:
    """Argo ships such minimal definitions: the package's schema stays the measure."""
    crd(tmp_path, "argoproj.io", "v1alpha1", "Sensor", {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    crd(tmp_path, "monitoring.coreos.com", "v1alpha1", "ScrapeConfig", {"type": "object"})
    tree = {file: text for file, text in render([policy()], Platform()).items() if file.endswith("sensor.yaml")}
    found = structure(read_objects({**tree, **tree_of(CONFIG)}), read_definitions(tmp_path))
    assert found.sources == {"Argo Events": 2, "Argo Workflows": 2}
    assert [each.kind for each in found.unchecked] == ["ScrapeConfig"]


def test_a_definition_stands_before_our_own_list(tmp_path: Path) -> None:
    """Our list has the fields that we use; another field of the real kind is no fault."""
    secret = external_secret(refreshPolicy="OnChange")
    assert not structure(read_objects(tree_of(secret))).ok
    fields: dict[str, Any] = {"refreshPolicy": {"type": "string"}, "secretStoreRef": {}, "target": {}}
    crd(tmp_path, "external-secrets.io", "v1", "ExternalSecret", {"type": "object", "properties": fields})
    assert structure(read_objects(tree_of(secret)), read_definitions(tmp_path)).ok


def test_a_folder_without_definitions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("kind: ConfigMap\n")
    with pytest.raises(BadInput, match="has no CustomResourceDefinition"):
        read_definitions(tmp_path)


def test_a_null_is_no_fault_because_the_api_server_drops_it() -> None:
    assert structure(read_objects(tree_of(inference_service(minReplicas=None)))).ok


def test_a_plain_equals_sign_is_text_as_for_kubernetes(tmp_path: Path) -> None:
    """In the real definition of AlertmanagerConfig, and in what kustomize writes of one."""
    crd(
        tmp_path, "monitoring.coreos.com", "v1alpha1", "Odd", {"type": "object", "properties": {"match": {"type": "string", "enum": ["="]}}}
    )
    file = tmp_path / "Odd.yaml"
    file.write_text(file.read_text().replace("'='", "="))
    assert "- =\n" in file.read_text()
    odd = "apiVersion: monitoring.coreos.com/v1alpha1\nkind: Odd\nmetadata: {name: odd}\nspec:\n  match: =\n"
    found = structure(read_objects({"odd.yaml": odd}), read_definitions(tmp_path))
    assert (found.found, found.sources) == ((), {"the CustomResourceDefinition": 1})
