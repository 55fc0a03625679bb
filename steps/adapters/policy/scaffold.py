"""A first policy as commented YAML, from the guesses about a table. Called by `modelmedic init`."""

from modelmedic.steps.adapters.policy.faults import validated
from modelmedic.steps.adapters.policy.text import scalar
from modelmedic.steps.adapters.policy.yaml_tree import parse_tree
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import API_VERSION
from modelmedic.steps.contracts.window import format_duration
from modelmedic.steps.core.scaffold.scaffold import Scaffold


def scaffold_yaml(found: Scaffold, *, name: str, owner: str, source: str) -> str:
    """The text of a policy that validates. Raises BadInput when `name` or `owner` is not
    allowed.
    """
    text = _text(found, name, owner, source)
    tree, faults = parse_tree(text.encode(), "policy.yaml")
    if tree is not None and not faults:
        faults = validated(tree)[1]
    if faults:
        raise BadInput(faults[0].sentence)
    return text


def _text(found: Scaffold, name: str, owner: str, source: str) -> str:
    rows: list[tuple[str, str]] = [
        (f"apiVersion: {API_VERSION}", ""),
        ("kind: HealingPolicy", ""),
        ("metadata:", ""),
        (f"  name: {scalar(name)}", "every record and object of this model carries it"),
        (f"  owner: {scalar(owner)}", "told about heals that failed or were refused"),
        ("serving:", ""),
        (f"  inferenceService: {scalar(name)}", "the KServe InferenceService"),
        ("registry:", ""),
        (f"  name: {scalar(name)}", "the registered model in MLflow"),
        ("data:", ""),
        (f"  task: {found.task.value}", "binary predicts a probability, regression a value"),
        (f"  target: {scalar(found.target)}", ""),
        (f"  time: {scalar(found.time)}", "read as UTC"),
        *_columns("numeric", found.numeric, "strike out what is not known yet when the model is asked"),
        *_columns("categorical", found.categorical, "codes"),
        *_columns("segments", found.segments, "where a cause is localised"),
        ("  labels:", ""),
        ("    delay: 0s", "how long after a prediction its label is known, such as 2d: say it here"),
        ("detect:", ""),
        (f"  window: {format_duration(found.window)}", "what is compared with the reference, over and over"),
        ("autonomy:", "how far each remedy may go alone: observe, suggest, approve or act"),
        ("  quarantine: act", "set broken data aside"),
        ("  rollback: act", "go back to the last good version"),
        ("  recalibrate: approve", ""),
        ("  retrain: approve", "a person approves before a challenger is deployed"),
        ("retrain:", ""),
        ("  risk: balanced", "a training pays at 1 % of the loss for 100 days; cautious 500, eager 20"),
        ("refresh: auto", "taught again when its age has cost as much; or a time such as 30d, or off"),
    ]
    width = max(len(text) for text, comment in rows if comment and len(text) <= 50)
    head = [
        f"# What may be done for the model {name}, guessed from {_plain(source)}: read it before anything acts on it.",
        "# Everything left out has a default; `modelmedic defaults` shows them all.",
    ]
    return "\n".join([*head, *(f"{text:<{width}}  # {comment}" if comment else text for text, comment in rows), ""])


def _columns(key: str, names: tuple[str, ...], comment: str) -> list[tuple[str, str]]:
    if not names:
        return []
    flow = f"  {key}: {scalar(list(names))}"
    if len(flow) <= 100:
        return [(flow, comment)]
    return [(f"  {key}:", comment), *((f"    - {scalar(name)}", "") for name in names)]


def _plain(source: str) -> str:
    """A file's name on one line, because a comment ends with its line."""
    return source if source.isprintable() else ascii(source)
