"""A first policy as commented YAML, from the guesses about a table. Called by `modelmedic init`."""

import textwrap

from modelmedic.steps.adapters.policy.faults import validated
from modelmedic.steps.adapters.policy.text import scalar
from modelmedic.steps.adapters.policy.yaml_tree import parse_tree
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import API_VERSION, Policy
from modelmedic.steps.contracts.window import format_duration
from modelmedic.steps.core.scaffold.rate import counted
from modelmedic.steps.core.scaffold.scaffold import Scaffold
from modelmedic.steps.core.scaffold.sizes import FEWEST, Sizes

_WIDTH = 96  # of a remark on lines of its own


def scaffold_yaml(found: Scaffold, *, name: str, owner: str, source: str, ageing: str = "", every: float | None = None) -> str:
    """The text of a policy that validates. `ageing` is a sentence on how models of the table age,
    `every` the days between two trainings that follow at the policy's risk. Raises BadInput when
    `name` or `owner` is not allowed.
    """
    text = _text(found, name, owner, source, ageing, every)
    scaffold_policy(text)
    return text


def scaffold_policy(text: str) -> Policy:
    """The policy of the text. Raises BadInput with its first fault."""
    tree, faults = parse_tree(text.encode(), "policy.yaml")
    policy = None
    if tree is not None and not faults:
        policy, faults = validated(tree)
    if policy is None:
        raise BadInput(faults[0].sentence)
    return policy


def _text(found: Scaffold, name: str, owner: str, source: str, ageing: str, every: float | None) -> str:
    here = f", here about every {every:.0f}d" if every is not None else ""
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
        *_remark(_plain(found.calendar.sentence)),
        *_columns("numeric", found.numeric, "strike out what is not known yet when the model is asked"),
        *_columns("categorical", found.categorical, "codes"),
        *_columns("segments", found.segments, "where a cause is localised"),
        ("  labels:", ""),
        ("    delay: 0s", "how long after a prediction its label is known, such as 2d: say it here"),
        *_sizes_of_windows(found.sizes),
        ("autonomy:", "how far each remedy may go alone: observe, suggest, approve or act"),
        ("  quarantine: act", "set broken data aside"),
        ("  rollback: act", "go back to the last good version"),
        ("  recalibrate: approve", ""),
        ("  retrain: approve", "a person approves before a challenger is deployed"),
        *_remark(ageing),
        ("retrain:", ""),
        ("  risk: balanced", "a training pays at 1 % of the loss for 100 days; cautious 500, eager 20; or cost: a number"),
        *_sizes_of_training(found.sizes),
        ("refresh: auto", f"taught again when its age has cost as much{here}; or a time such as 30d, or off"),
        *_rollout(found),
    ]
    width = max(len(text) for text, comment in rows if comment and len(text) <= 50)
    head = [
        f"# What may be done for the model {name}, guessed from {_plain(source)}: read it before anything acts on it.",
        "# Everything left out has a default; `modelmedic defaults` shows them all.",
    ]
    return "\n".join([*head, *(f"{text:<{width}}  # {comment}" if comment else text for text, comment in rows), ""])


def _sizes_of_windows(sized: Sizes) -> list[tuple[str, str]]:
    return [
        ("detect:", ""),
        (f"  window: {format_duration(sized.window)}", f"about {sized.window_rows} rows, compared with the reference, over and over"),
        (f"  minRows: {sized.min_rows}", "fewer in a window are no evidence"),
        (f"  persistence: {{hits: {sized.hits}, of: {sized.of}}}", "so many windows have to alarm, of the last so many"),
    ]


def _sizes_of_training(sized: Sizes) -> list[tuple[str, str]]:
    return [
        (f"  history: {format_duration(sized.history)}", f"about {sized.history_rows} rows that teach"),
        (f"  minRows: {sized.taught_rows}", "fewer labelled rows are not trained on"),
        *([("validate:", ""), (f"  minLabels: {sized.min_labels}", "labelled rows to judge by")] if sized.few_labels else []),
    ]


def _rollout(found: Scaffold) -> list[tuple[str, str]]:
    made = found.sizes.rollout or FEWEST
    share = made.steps[0]
    a_day = counted(found.rate.per_day * share / 100)
    return [
        ("rollout:", f"{found.rate.words}; a canary with {share} % of the traffic answers {a_day} of them"),
        (f"  steps: {list(made.steps)}", "percent of the traffic, between dark and full"),
        (f"  hold: {format_duration(made.hold)}", "least time at each share"),
        (f"  minRequests: {made.minRequests}", "least requests that the canary answered at each share"),
        (f"  deadline: {format_duration(made.deadline)}", "a share that cannot be judged by then is taken back"),
    ]


def _remark(sentence: str) -> list[tuple[str, str]]:
    lines = textwrap.wrap(sentence, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [(f"  # {line}", "") for line in lines]


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
