"""The healing policy: one YAML file per model, strict, with every default written down.

`steps.adapters.policy_file` reads it and turns each fault into a sentence with its line; these classes say what is allowed.
"""

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, field_validator, model_validator

from steps.contracts.codec import canonical, sha256
from steps.contracts.detection import Roles
from steps.contracts.errors import BadInput
from steps.contracts.window import Window, format_duration, parse_duration
from steps.contracts.words import Autonomy, Cause, Remedy, Task

API_VERSION = "modelmedic/v1alpha1"
NAME = r"^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$"  # a DNS label short enough for what is derived from it
COLUMN = r"^[A-Za-z0-9_][A-Za-z0-9_ .\-]{0,127}$"
KEY_PREFIX = r"^[A-Za-z0-9][A-Za-z0-9_.\-/]{0,255}$"
ENTRYPOINT = r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$"


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except BadInput as error:
            raise ValueError(str(error)) from None
    if isinstance(value, timedelta):
        return value
    raise ValueError(f"duration is {value!r}; expected a number and a unit of s, m, h, d or w, such as 30m or 7d")


def _printable(value: str) -> str:
    if "{{" in value or "}}" in value or re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError("text must be one printable line without {{ or }}")
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
    Field(json_schema_extra={"type": "string", "format": None, "pattern": r"^(\d+[smhdw])+$", "examples": ["30m", "7d"]}),
]
Text = Annotated[str, Field(max_length=300), BeforeValidator(lambda v: _printable(v) if isinstance(v, str) else v)]
Name = Annotated[str, Field(pattern=NAME)]
Column = Annotated[str, Field(pattern=COLUMN)]
Prefix = Annotated[str, Field(pattern=KEY_PREFIX)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """Strict: an unknown key is an error, nothing is coerced silently, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, alias_generator=None)


class Metadata(Section):
    name: Name = Field(description="The model's name; every generated object and every record carries it.")
    owner: Text = Field(description="The team that is told about heals that failed or were refused.")
    description: Text = Field(default="", description="One line for people.")


class Serving(Section):
    inferenceService: Name = Field(description="The KServe InferenceService.")
    namespace: Name = Field(default="default", description="Its namespace.")
    mode: Literal["Standard", "Knative"] = Field(
        default="Standard", description="KServe's deployment mode; decides which canary field is written."
    )


class Registry(Section):
    name: Text = Field(description="The registered model in MLflow.")
    champion: Name = Field(default="champion", description="Alias of the version that serves.")
    challenger: Name = Field(default="challenger", description="Alias of the version that is being tried.")
    previous: Name = Field(default="previous", description="Alias of the version to go back to.")


class Labels(Section):
    prefix: Prefix | None = Field(default=None, description="Where labels arrive in the object store; default labels/<name>.")
    delay: Duration = Field(default=timedelta(0), description="How long after a prediction its label is known.")
    maturity: Share = Field(default=0.8, description="Share of a window's rows that need a label before its loss is believed.")


class Data(Section):
    task: Task = Field(description="binary (the prediction is a probability) or regression.")
    target: Column = Field(description="The label's column.")
    time: Column = Field(description="The column with each row's time (UTC).")
    numeric: tuple[Column, ...] = Field(default=(), description="Features that are numbers.")
    categorical: tuple[Column, ...] = Field(default=(), description="Features that are codes.")
    segments: tuple[Column, ...] = Field(default=(), description="Features in which a cause is localised.")
    inferenceLog: Prefix | None = Field(
        default=None, description="Where requests and answers are logged in the object store; default inference-log/<name>."
    )
    labels: Labels = Field(default=Labels(), description="Late labels.")
    owner: Text | None = Field(default=None, description="Who is told when the data is broken; default metadata.owner.")

    @model_validator(mode="after")
    def _columns(self) -> "Data":
        features = self.numeric + self.categorical
        if not features:
            raise ValueError("data names no feature; expected at least one under numeric or categorical")
        doubled = sorted({c for c in features if features.count(c) > 1})
        if doubled:
            raise ValueError(f"data names {', '.join(doubled)} more than once among numeric and categorical")
        for role, column in (("target", self.target), ("time", self.time)):
            if column in features:
                raise ValueError(f"data.{role} is {column}, which is a feature as well; a feature may not know the {role}")
        strangers = [c for c in self.segments if c not in features]
        if strangers:
            raise ValueError(f"data.segments names {', '.join(strangers)}; expected features of this policy")
        return self


class Persistence(Section):
    hits: int = Field(default=2, ge=1, le=20, description="k: how many alarming windows open an incident …")
    of: int = Field(default=3, ge=1, le=50, description="n: … among the last n.")

    @model_validator(mode="after")
    def _order(self) -> "Persistence":
        if self.hits > self.of:
            raise ValueError(f"persistence is {self.hits} of {self.of}; expected hits no larger than of")
        return self


class Detect(Section):
    window: Duration = Field(default=timedelta(days=7), description="Length of the current window, 1h to 90d.")
    persistence: Persistence = Field(default=Persistence(), description="k of n windows.")
    falseAlarmsPerYear: float = Field(
        default=1.0, gt=0, le=365, description="How many false alarms a year are acceptable; thresholds are calibrated to it."
    )
    minRows: int = Field(default=500, ge=30, description="Fewer rows in a window are no evidence.")
    effects: dict[Column, Annotated[float, Field(gt=0)]] = Field(
        default={}, description="Explicit effect-size thresholds by column; they win over the calibrated ones."
    )

    @field_validator("window")
    @classmethod
    def _range(cls, value: timedelta) -> timedelta:
        if not timedelta(hours=1) <= value <= timedelta(days=90):
            raise ValueError(f"window is {format_duration(value)}; expected 1h to 90d")
        return value


class Diagnose(Section):
    seasonality: Duration | None = Field(default=None, description="The period after which the data repeats, e.g. 7d or 52w.")


class Rule(Section):
    id: Name = Field(description="Named in every decision that it makes.")
    cause: Cause = Field(description="Which cause it is for.")
    harm: Literal["shown", "estimated", "none", "unknown"] | None = Field(
        default=None, description="Only when the harm is so known; any when left out."
    )
    minConfidence: Share = Field(default=0.0, description="Only from this confidence on.")
    remedy: Remedy = Field(description="What to do.")
    maxAutonomy: Autonomy = Field(default=Autonomy.ACT, description="Never further than this under this rule.")
    owner: Text = Field(default="modelmedic", description="Who answers for the rule.")
    reviewed: date | None = Field(default=None, description="When somebody last looked at it.")


class AutonomyLevels(Section):
    """observe < suggest < approve < act, per remedy."""

    quarantine: Autonomy = Field(default=Autonomy.ACT, description="Setting broken data aside.")
    rollback: Autonomy = Field(default=Autonomy.ACT, description="Going back to the last good version.")
    recalibrate: Autonomy = Field(default=Autonomy.APPROVE, description="Refitting the model's calibration.")
    retrain: Autonomy = Field(default=Autonomy.APPROVE, description="Training and deploying a challenger.")

    def level(self, remedy: Remedy) -> Autonomy:
        """None and escalate need no permission."""
        value = getattr(self, remedy.value, Autonomy.ACT)
        return Autonomy(value)


class Freeze(Section):
    start: datetime = Field(description="From then on (UTC) nothing advances …")
    end: datetime = Field(description="… until then.")
    reason: Text = Field(default="", description="Shown with every refusal.")

    def window(self) -> Window:
        return Window(self.start, self.end)


class Breaker(Section):
    failures: int = Field(default=3, ge=1, le=20, description="This many failed heals …")
    within: Duration = Field(default=timedelta(days=30), description="… in this span open the breaker: one page, no more heals.")


class Limits(Section):
    settle: Duration | Literal["auto"] = Field(
        default="auto", description="How long alerts after a heal are disregarded; auto is detect.window + data.labels.delay."
    )
    cooldown: Duration = Field(default=timedelta(days=1), description="Least time between two heals that changed something.")
    healsPerWeek: int = Field(default=2, ge=0, le=100, description="Heals that may change something in seven days.")
    breaker: Breaker = Field(default=Breaker(), description="When to stop trying.")
    concurrentHeals: int = Field(default=3, ge=1, le=1000, description="Heals at once over all models of this store.")
    freeze: tuple[Freeze, ...] = Field(default=(), description="Spans in which nothing advances.")


class Retrain(Section):
    entrypoint: Annotated[str, Field(pattern=ENTRYPOINT)] | Literal["builtin"] = Field(
        default="builtin",
        description="`package.module:function`, called as train(frame, policy) -> model; builtin is a tabular default.",
    )
    history: Duration = Field(default=timedelta(days=60), description="How far back training may reach when the cause sets no onset.")
    minRows: int = Field(default=1000, ge=50, description="Fewer labelled rows are not trained on.")
    holdout: Share = Field(default=0.25, description="Latest share of the labelled rows that only the gates see.")
    timeout: Duration = Field(default=timedelta(hours=1), description="Training that takes longer is ended.")


class Validate(Section):
    metric: Literal["auc", "log_loss", "rmse", "mae"] | None = Field(
        default=None, description="What challenger and champion are compared by; default auc (binary) or rmse (regression)."
    )
    margin: float = Field(default=0.0, ge=0, description="How much worse than the champion is still accepted, in the metric's unit.")
    minGain: float = Field(default=0.0, ge=0, description="Least expected gain; a retrain that gains less keeps the champion.")
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(default=0.95, description="Of the interval round the difference.")
    minLabels: int = Field(default=500, ge=30, description="Fewer labelled holdout rows judge nobody.")
    slices: tuple[Column, ...] = Field(default=(), description="Features whose values are each checked; default data.segments.")
    sliceMargin: float = Field(default=0.02, ge=0, description="How much worse a slice may be, beyond its interval.")
    oldRegimeMargin: float = Field(
        default=0.05, ge=0, description="How much worse than the champion on reference rows a challenger may be."
    )
    latencyP95Ms: float = Field(default=200.0, gt=0, description="p95 of one prediction request.")


class Rollout(Section):
    steps: tuple[Annotated[int, Field(ge=1, le=99)], ...] = Field(
        default=(20, 50), description="Percent of the traffic, rising, between dark and full."
    )
    hold: Duration = Field(default=timedelta(minutes=5), description="Least time at each share.")
    minRequests: int = Field(default=100, ge=1, description="Least requests that the canary answered at each share.")
    deadline: Duration = Field(default=timedelta(hours=1), description="A share that cannot be judged by then is taken back.")
    maxErrorShare: Share = Field(default=0.01, description="More failed canary requests than this take it back.")
    replayRequests: int = Field(default=500, ge=1, description="Recent requests replayed to the dark canary.")

    @field_validator("steps")
    @classmethod
    def _rising(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError(f"steps are {list(value)}; expected rising percents such as [20, 50]")
        return value


class Approval(Section):
    approvers: tuple[Text, ...] = Field(default=(), description="Who may answer; empty means anybody who can reach the store.")
    twoPerson: bool = Field(default=False, description="Two different people have to say yes.")
    timeout: Duration = Field(default=timedelta(hours=24), description="No answer by then rejects.")


class Notify(Section):
    alertmanager: Annotated[str, Field(pattern=r"^https?://[^\s{}]+$")] | None = Field(
        default=None, description="Base URL of an Alertmanager that notifications go to as well."
    )


class Policy(Section):
    """Everything that the loop may do for one model."""

    apiVersion: Literal["modelmedic/v1alpha1"] = Field(description="The version of this format.")
    kind: Literal["HealingPolicy"] = Field(description="Always HealingPolicy.")
    metadata: Metadata
    serving: Serving
    registry: Registry
    data: Data
    detect: Detect = Detect()
    diagnose: Diagnose = Diagnose()
    rules: tuple[Rule, ...] = Field(default=(), description="Tried in order before the default rules; the first match decides.")
    autonomy: AutonomyLevels = AutonomyLevels()
    limits: Limits = Limits()
    retrain: Retrain = Retrain()
    validation: Validate = Field(default=Validate(), alias="validate")
    rollout: Rollout = Rollout()
    approval: Approval = Approval()
    notify: Notify = Notify()

    @model_validator(mode="after")
    def _agree(self) -> "Policy":
        ids = [rule.id for rule in self.rules]
        doubled = sorted({i for i in ids if ids.count(i) > 1})
        if doubled:
            raise ValueError(f"rules have the id {', '.join(doubled)} more than once")
        metric = self.validation.metric
        if metric and (metric in ("auc", "log_loss")) != (self.data.task is Task.BINARY):
            raise ValueError(f"validate.metric is {metric}, which does not fit data.task {self.data.task.value}")
        for column in self.validation.slices:
            if column not in self.features:
                raise ValueError(f"validate.slices names {column}; expected features of this policy")
        return self

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def features(self) -> tuple[str, ...]:
        return self.data.numeric + self.data.categorical

    @property
    def metric(self) -> str:
        return self.validation.metric or ("auc" if self.data.task is Task.BINARY else "rmse")

    @property
    def slices(self) -> tuple[str, ...]:
        return self.validation.slices or self.data.segments

    @property
    def settle(self) -> timedelta:
        """How long after a heal an alert may still speak of the old data: window + label delay, unless stated."""
        return self.detect.window + self.data.labels.delay if self.limits.settle == "auto" else self.limits.settle

    @property
    def data_owner(self) -> str:
        return self.data.owner or self.metadata.owner

    @property
    def log_prefix(self) -> str:
        return self.data.inferenceLog or f"inference-log/{self.name}"

    @property
    def labels_prefix(self) -> str:
        return self.data.labels.prefix or f"labels/{self.name}"

    @property
    def roles(self) -> Roles:
        """The columns of a joined window of the inference log, as detection and diagnosis read it."""
        return Roles(
            task=self.data.task,
            target=self.data.target,
            prediction="prediction",
            time=self.data.time,
            version="model_version",
            id="request_id",
            features=self.features,
            categorical=self.data.categorical,
            segments=self.data.segments,
        )

    @property
    def hash(self) -> str:
        """sha256 of the canonical policy, defaults included: what an incident is pinned to."""
        return sha256(canonical(self.model_dump(mode="json", by_alias=True)))
