"""The healing policy: one YAML file per model, strict, with every default written down.

`modelmedic.steps.adapters.policy.file` reads it and turns each fault into a sentence with its line;
these classes say what is allowed.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from modelmedic.steps.contracts.codec import compact, sha256
from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.policy_types import (
    BaseUrl,
    Column,
    Day,
    Entrypoint,
    Flag,
    Memory,
    Moment,
    Name,
    Number,
    Prefix,
    PublicKey,
    RegisteredName,
    RowCount,
    Share,
    Span,
    Text,
    Who,
    Whole,
)
from modelmedic.steps.contracts.window import Window, format_duration
from modelmedic.steps.contracts.words import Autonomy, Cause, Remedy, Risk, Task

API_VERSION: Final = "modelmedic.io/v1alpha1"
FORMER_API_VERSION: Final = "modelmedic/v1alpha1"  # an API group without a dot, as it was first spelt: read, never written
LATER_FIELDS: Final[tuple[str, ...]] = (  # dotted, such as limits.pause: those that were added since policies are kept
    "refresh",
    "retrain.risk",
    "retrain.cost",
    "retrain.maxRows",
    "approval.signers",
    "limits.maxWait",
    "serving.memory",
    "approval.remindAfter",
    "approval.deputy",
    "rollout.bake",
    "validation.fairness",
    "notify.receivers",
    "limits.fleet",
    "approval.kubernetes",
)
PRICES: Final = {"cautious": 500.0, "balanced": 100.0, "eager": 20.0}  # of a training, in per cent of the loss times days
LEAST_JUDGED: Final = 100  # labels: below, the t interval over days is wider than the loss itself (bikes: 24 rows a day)
LOGGED = {"prediction": "prediction", "version": "model_version", "id": "request_id"}  # columns that the inference log adds


class Disagreement(ValueError):
    """Values that are allowed each by itself but not together: the place of each fault inside its
    section, and a sentence.
    """

    def __init__(self, faults: Iterable[tuple[str, str]]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(sentence for _, sentence in self.faults))

    @classmethod
    def unless_none(cls, faults: Iterator[tuple[str, str]]) -> None:
        """Raises itself when there is any fault."""
        found = tuple(faults)
        if found:
            raise cls(found)


class Section(BaseModel):
    """Strict: an unknown key is an error, nothing is coerced silently, nothing changes after
    reading.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        defer_build=True,
        allow_inf_nan=False,
    )


class Metadata(Section):
    """The model and the team that answers for it."""

    name: Name = Field(description="The model's name; every generated object and every record carries it.")
    owner: Who = Field(description="The team that is told about heals that failed or were refused.")
    description: Text = Field(default="", description="One line for people.")


class Serving(Section):
    """The place where the model serves."""

    inferenceService: Name = Field(description="The KServe InferenceService.")
    namespace: Name = Field(default="default", description="Its namespace.")
    mode: Literal["Standard", "Knative"] = Field(
        default="Standard", description="KServe's deployment mode; decides which canary field is written."
    )
    memory: Memory = Field(default="1Gi", description="Memory of a predictor, to which a challenger is held before it serves.")


class Registry(Section):
    """The registered model and its aliases."""

    name: RegisteredName = Field(description="The registered model in MLflow.")
    champion: Name = Field(default="champion", description="Alias of the version that serves.")
    challenger: Name = Field(default="challenger", description="Alias of the version that is being tried.")
    previous: Name = Field(default="previous", description="Alias of the version to go back to.")


class Labels(Section):
    """The true answers, which arrive after the predictions."""

    prefix: Prefix | None = Field(default=None, description="Where labels arrive in the object store; default labels/<name>.")
    delay: Annotated[timedelta, Span("0s", "365d")] = Field(
        default=timedelta(0), description="Time from a prediction until its label is known."
    )
    maturity: Share = Field(default=0.8, description="Share of a window's rows that need a label before its loss is believed.")


class Data(Section):
    """The columns that the model reads and predicts."""

    task: Task = Field(description="binary (the prediction is a probability) or regression.")
    target: Column = Field(description="The label's column.")
    time: Column = Field(description="The column with each row's time (UTC).")
    numeric: tuple[Column, ...] = Field(default=(), description="Features that are numbers.")
    categorical: tuple[Column, ...] = Field(default=(), description="Features that are codes.")
    segments: tuple[Column, ...] = Field(
        default=(), description="Features in which a cause is localised, and whose commonest values the monitor judges each by itself."
    )
    inferenceLog: Prefix | None = Field(
        default=None, description="Where requests and answers are logged in the object store; default inference-log/<name>."
    )
    labels: Labels = Field(default_factory=Labels, description="Late labels.")
    owner: Who | None = Field(default=None, description="Who is told when the data is broken; default metadata.owner.")

    @model_validator(mode="after")
    def _columns(self) -> "Data":
        Disagreement.unless_none(self._faults())
        return self

    def _faults(self) -> Iterator[tuple[str, str]]:
        features = self.numeric + self.categorical
        if not features:
            yield "", "data names no feature; expected at least one under numeric or categorical"
        doubled = sorted({c for c in features if features.count(c) > 1})
        if doubled:
            yield (
                "categorical" if doubled[0] in self.categorical else "numeric",
                f"data names {', '.join(doubled)} more than once among numeric and categorical; expected each column once",
            )
        for role, column in (("target", self.target), ("time", self.time)):
            if column in features:
                yield role, f"data.{role} is {column}, which is a feature as well; a feature may not know the {role}"
        if self.target == self.time:
            yield "time", f"data.time is {self.time}, which is data.target as well; expected two columns"
        for role, column in (
            ("target", self.target),
            *(("numeric", c) for c in self.numeric),
            *(("categorical", c) for c in self.categorical),
        ):
            if column in LOGGED.values():
                yield role, f"data.{role} names {column}, which the inference log adds itself; expected another name"
        strangers = [c for c in self.segments if c not in features]
        if strangers:
            yield (
                "segments",
                f"data.segments names {', '.join(strangers)}; expected features of this policy ({', '.join(features)})",
            )


class Persistence(Section):
    """The number of windows that have to alarm before an incident opens."""

    hits: Whole = Field(default=2, ge=1, le=20, description="k: how many alarming windows open an incident …")
    of: Whole = Field(default=3, ge=1, le=50, description="n: … among the last n.")

    @model_validator(mode="after")
    def _order(self) -> "Persistence":
        if self.hits > self.of:
            raise Disagreement([("hits", f"detect.persistence is {self.hits} of {self.of}; expected hits no larger than of")])
        return self


class Detect(Section):
    """The limits beyond which the current window's difference from the reference is an alarm."""

    window: Annotated[timedelta, Span("1h", "90d")] = Field(default=timedelta(days=7), description="Length of the current window.")
    persistence: Persistence = Field(default_factory=Persistence, description="k of n windows.")
    falseAlarmsPerYear: Number = Field(
        default=1.0, gt=0, le=365, description="Acceptable false alarms a year; thresholds are calibrated to this number."
    )
    minRows: Whole = Field(default=500, ge=30, description="Fewer rows in a window are no evidence.")
    effects: dict[Column, Annotated[Number, Field(gt=0)]] = Field(
        default_factory=dict, description="Explicit effect-size thresholds by column; they win over the calibrated ones."
    )


class Diagnose(Section):
    """The facts that are needed to tell causes apart."""

    seasonality: Annotated[timedelta, Span("1h", "3650d")] | None = Field(
        default=None, description="The period after which the data repeats, e.g. 7d or 52w."
    )


class Rule(Section):
    """One line of the table from cause to remedy."""

    id: Name = Field(description="Named in every decision that it makes.")
    cause: Cause = Field(description="The cause that the rule is for.")
    harm: Literal["shown", "estimated", "none", "unknown"] | None = Field(
        default=None, description="Only when the harm is so known; any when left out."
    )
    minConfidence: Share = Field(default=0.0, description="Only from this confidence on.")
    remedy: Remedy = Field(description="What to do.")
    maxAutonomy: Autonomy = Field(default=Autonomy.ACT, description="Never further than this under this rule.")
    owner: Who = Field(default="modelmedic", description="Who answers for the rule.")
    reviewed: Day | None = Field(default=None, description="When somebody last looked at it.")


class AutonomyLevels(Section):
    """The limit of the loop without a human: observe < suggest < approve < act, per remedy."""

    quarantine: Autonomy = Field(default=Autonomy.ACT, description="Setting broken data aside.")
    rollback: Autonomy = Field(default=Autonomy.ACT, description="Going back to the last good version.")
    recalibrate: Autonomy = Field(default=Autonomy.APPROVE, description="Refitting the model's calibration.")
    retrain: Autonomy = Field(default=Autonomy.APPROVE, description="Training and deploying a challenger.")

    def level(self, remedy: Remedy) -> Autonomy:
        """The level of a remedy; none and escalate need no permission."""
        value = getattr(self, remedy.value, Autonomy.ACT)
        return Autonomy(value)


class Freeze(Section):
    """One span in which nothing advances; retreating stays allowed."""

    start: Moment = Field(description="From then on (UTC) nothing advances …")
    end: Moment = Field(description="… until then.")
    reason: Text = Field(default="", description="Shown with every refusal.")

    @model_validator(mode="after")
    def _order(self) -> "Freeze":
        if self.end <= self.start:
            raise Disagreement(
                [
                    (
                        "end",
                        f"limits.freeze ends at {self.end:%Y-%m-%dT%H:%MZ}; expected after its start, {self.start:%Y-%m-%dT%H:%MZ}",
                    )
                ]
            )
        return self

    def window(self) -> Window:
        return Window(self.start, self.end)


class Breaker(Section):
    """The number of failures that stops the loop."""

    failures: Whole = Field(default=3, ge=1, le=20, description="This many failed heals …")
    within: Annotated[timedelta, Span("1h", "365d")] = Field(
        default=timedelta(days=30), description="… in this span open the breaker: one critical message, no more heals."
    )


class FleetBreaker(Section):
    """The number of models whose heals fail that stops the loop for every model."""

    models: Whole = Field(default=3, ge=2, le=1000, description="Failed heals of this many different models …")
    within: Annotated[timedelta, Span("1h", "365d")] = Field(
        default=timedelta(days=1), description="… in this span freeze every model, until a person lifts it."
    )


class Fleet(Section):
    """Limits over all models of the store; mostly stated once, in the defaults of the
    organisation.
    """

    healsPerDay: Annotated[Whole, Field(ge=0, le=10_000)] | None = Field(
        default=None, description="Heals that may change something in a day over all models; no limit when left out."
    )
    breaker: FleetBreaker | None = Field(default=None, description="When to stop trying for every model; never when left out.")


class Limits(Section):
    """The limits on what the loop may do."""

    settle: Annotated[timedelta, Span("0s", "365d")] | Literal["auto"] = Field(
        default="auto", description="Time after a heal in which alerts are disregarded; auto is detect.window + data.labels.delay."
    )
    cooldown: Annotated[timedelta, Span("0s", "365d")] = Field(
        default=timedelta(days=1), description="Least time between two heals that changed something."
    )
    healsPerWeek: Whole = Field(default=2, ge=0, le=100, description="Heals that may change something in seven days.")
    breaker: Breaker = Field(default_factory=Breaker, description="When to stop trying.")
    concurrentHeals: Whole = Field(default=3, ge=1, le=1000, description="Heals at once over all models of this store.")
    maxWait: Annotated[timedelta, Span("0s", "30d")] = Field(
        default=timedelta(hours=12), description="Longest wait for a turn among the heals at once; then a person is told."
    )
    fleet: Fleet = Field(default_factory=Fleet, description="Limits over all models of this store.")
    freeze: tuple[Freeze, ...] = Field(default=(), description="Spans in which nothing advances.")


class Retrain(Section):
    """The training of a challenger."""

    entrypoint: Entrypoint = Field(
        default="builtin",
        description="`package.module:function`, called as train(frame, policy) -> model; builtin is a tabular default. A parameter "
        "`weight` or `sample_weight` gets how much each row counts by its age; without one, rows are drawn by it.",
    )
    history: Annotated[timedelta, Span("1h", "3650d")] = Field(
        default=timedelta(days=60),
        description="The span of rows that teach: rows count half as much for every half or every two of it, or those within it alike, as "
        "the known rows choose. Training reaches back four of it.",
    )
    minRows: Whole = Field(default=1000, ge=50, description="Fewer labelled rows are not trained on.")
    holdout: Number = Field(default=0.25, gt=0, lt=1, description="Latest share of the labelled rows that only the gates see.")
    timeout: Annotated[timedelta, Span("1m", "14d")] = Field(default=timedelta(hours=1), description="Training that takes longer is ended.")
    risk: Risk = Field(
        default=Risk.BALANCED,
        description="How dear a training and a wrong promotion are: cautious, balanced and eager stand for a cost of 500, 100 and 20.",
    )
    cost: Annotated[Number, Field(ge=0, le=100_000)] | None = Field(
        default=None,
        description="What a training costs, in per cent of the loss times days: at 100 it pays if it lowers the loss by 1 % for 100 days.",
    )
    maxRows: Whole = Field(default=200_000, ge=1000, description="At most so many rows teach a challenger, the newer ones more likely.")

    @property
    def price(self) -> float:
        """What a training costs, in per cent of the loss times days: `cost`, else what `risk`
        stands for.
        """
        return self.cost if self.cost is not None else PRICES[self.risk.value]


class Fairness(Section):
    """The groups that a binary challenger has to treat alike."""

    columns: tuple[Column, ...] = Field(default=(), description="Features by whose values rows are grouped; none are judged when empty.")
    maxDifference: Share = Field(
        default=0.1,
        description="Allowed difference between two groups in the share of positive answers, and in it among rows of one label.",
    )
    threshold: Share = Field(default=0.5, description="The probability from which on an answer counts as positive.")


class Validate(Section):
    """The gates that a challenger has to pass."""

    metric: Literal["auc", "log_loss", "rmse", "mae"] | None = Field(
        default=None, description="What challenger and champion are compared by; default auc (binary) or rmse (regression)."
    )
    margin: Number = Field(default=0.0, ge=0, description="How much worse than the champion is still accepted, in the metric's unit.")
    minGain: Number = Field(default=0.0, ge=0, description="Least expected gain; a retrain that gains less keeps the champion.")
    confidence: Annotated[Number, Field(gt=0.5, lt=1)] = Field(default=0.95, description="Of the interval round the difference.")
    minLabels: Whole = Field(
        default=500, ge=30, description="Labelled holdout rows to judge by; set, no challenger is judged by fewer, else by 100."
    )
    slices: tuple[Column, ...] = Field(default=(), description="Features whose values are each checked; default data.segments.")
    sliceMargin: Number = Field(default=0.02, ge=0, description="How much worse a slice may be, beyond its interval.")
    oldRegimeMargin: Number = Field(
        default=0.05, ge=0, description="How much worse than the champion on reference rows a challenger may be."
    )
    latencyP95Ms: Number = Field(default=200.0, gt=0, description="p95 of one prediction request.")
    fairness: Fairness = Field(default_factory=Fairness, description="Groups that answers may not tell apart more than this.")

    @property
    def least_labels(self) -> int:
        """The fewest labelled holdout rows that a challenger is judged on: minLabels where it was
        set, else as many as leave an interval a meaning.
        """
        default = type(self).model_fields["minLabels"].default
        return int(self.minLabels) if self.minLabels != default else min(LEAST_JUDGED, int(default))


class Rollout(Section):
    """The way in which traffic moves to a challenger, and back."""

    steps: tuple[Annotated[Whole, Field(ge=1, le=99)], ...] = Field(
        default=(20, 50), description="Percent of the traffic, rising, between dark and full."
    )
    hold: Annotated[timedelta, Span("0s", "7d")] = Field(default=timedelta(minutes=5), description="Least time at each share.")
    minRequests: Whole = Field(default=100, ge=1, description="Least requests that the canary answered at each share.")
    deadline: Annotated[timedelta, Span("1m", "30d")] = Field(
        default=timedelta(hours=1), description="A share that cannot be judged by then is taken back."
    )
    maxErrorShare: Share = Field(default=0.01, description="More failed canary requests than this take it back.")
    replayRequests: Whole = Field(default=500, ge=1, description="Recent requests replayed to the dark canary.")
    bake: Annotated[timedelta, Span("10m", "30d")] | Literal["off"] = Field(
        default=timedelta(hours=1),
        description="Time after a promotion in which a sick service is put down to the new version, and the one before put back; off asks "
        "a person.",
    )

    @field_validator("steps")
    @classmethod
    def _rising(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("expected rising percents such as [20, 50]")
        return value

    @model_validator(mode="after")
    def _order(self) -> "Rollout":
        if self.hold >= self.deadline:
            sentence = (
                f"rollout.hold is {format_duration(self.hold)}; expected less than rollout.deadline, {format_duration(self.deadline)}"
            )
            raise Disagreement([("hold", sentence)])
        return self


class Signer(Section):
    """A person, and a key by which the person proves an answer."""

    name: Who = Field(description="The person; several keys may have the same name.")
    key: PublicKey = Field(description="The public SSH key, such as `ssh-ed25519 AAAA…`.")


class Approval(Section):
    """The people who answer when the autonomy level is approve."""

    approvers: tuple[Who, ...] = Field(default=(), description="The people who may answer; empty means anybody who can reach the store.")
    signers: tuple[Signer, ...] = Field(
        default=(), description="Keys of those who may answer; with any, only an answer that is signed by one of them counts."
    )
    kubernetes: Flag = Field(
        default=False,
        description="Only an approval counts that one of the approvers, who are users of the cluster then, gave through its API server.",
    )
    twoPerson: Flag = Field(default=False, description="Two different people have to approve.")
    timeout: Annotated[timedelta, Span("1m", "90d")] = Field(default=timedelta(hours=24), description="No answer by then rejects.")
    remindAfter: Annotated[timedelta, Span("0s", "90d")] = Field(
        default=timedelta(hours=4), description="Without an answer by then people are reminded once; 0s never reminds."
    )
    deputy: Who | None = Field(default=None, description="Who is reminded beside the owner.")
    form: Flag = Field(default=False, description="An approval in Argo's own form counts too; it is recorded as unverified.")

    @model_validator(mode="after")
    def _enough(self) -> "Approval":
        Disagreement.unless_none(self._faults())
        return self

    @property
    def proves(self) -> bool:
        """True where who approves has to prove who it is."""
        return bool(self.signers) or self.kubernetes

    @property
    def people(self) -> tuple[str, ...]:
        """The people who may answer; empty means anybody."""
        return self.approvers or tuple(dict.fromkeys(signer.name for signer in self.signers))

    def _faults(self) -> Iterator[tuple[str, str]]:
        named = "approvers" if self.approvers else "signers"
        if self.twoPerson and len(set(self.people)) == 1:
            yield named, f"approval.twoPerson is true and approval.{named} names one person; expected two or more, or none"
        if self.form and (self.twoPerson or self.people):
            beside = "approval.form is true beside approvers, signers or twoPerson"
            yield "form", f"{beside}; expected one or the other, because Argo's form knows no names"
        if self.kubernetes and (self.signers or not self.approvers):
            beside = "beside approval.signers" if self.signers else "and approval.approvers names nobody"
            yield "kubernetes", f"approval.kubernetes is true {beside}; expected approvers by the names that the API server knows them by"
        keyless = [each for each in self.approvers if each not in {signer.name for signer in self.signers}]
        if self.signers and keyless:
            yield "approvers", f"approval.approvers names {', '.join(keyless)}, of whom approval.signers has no key; expected one of each"
        owners = {signer.key: signer.name for signer in reversed(self.signers)}
        for number, signer in enumerate(self.signers):
            if owners[signer.key] != signer.name:
                said = f"approval.signers has one key for {owners[signer.key]} and {signer.name}; expected a key of each person's own"
                yield f"signers.{number}.key", said


class Receiver(Section):
    """A chat, mailbox, pager or webhook that gets messages by Apprise."""

    name: Name = Field(
        description="Names the secret with its Apprise URL: on-call is MODELMEDIC_NOTIFY_ON_CALL of the environment, or the key on-call "
        "of the Secret modelmedic-notify."
    )
    severity: Literal["info", "warning", "critical"] = Field(default="info", description="The least severity of a message that it gets.")


class Notify(Section):
    """The receivers of notifications beside the terminal and the store."""

    alertmanager: BaseUrl | None = Field(
        default=None, description="An Alertmanager that notifications go to; the platform's when left out."
    )
    receivers: tuple[Receiver, ...] = Field(default=(), description="Who is told without an Alertmanager, or beside it.")

    @model_validator(mode="after")
    def _each_once(self) -> "Notify":
        Disagreement.unless_none(self._faults())
        return self

    def _faults(self) -> Iterator[tuple[str, str]]:
        names = [receiver.name for receiver in self.receivers]
        for number, name in enumerate(names):
            if name in names[:number]:
                yield f"receivers.{number}.name", f"notify.receivers names {name} more than once; expected each name once"


class Policy(Section):
    """Everything that the loop may do for one model."""

    apiVersion: Literal["modelmedic.io/v1alpha1"] = Field(description="The version of this format.")
    kind: Literal["HealingPolicy"] = Field(description="Always HealingPolicy.")
    metadata: Metadata
    serving: Serving
    registry: Registry
    data: Data
    detect: Detect = Field(default_factory=Detect)
    diagnose: Diagnose = Field(default_factory=Diagnose)
    rules: tuple[Rule, ...] = Field(default=(), description="Tried in order before the default rules; the first match decides.")
    autonomy: AutonomyLevels = Field(default_factory=AutonomyLevels)
    limits: Limits = Field(default_factory=Limits)
    retrain: Retrain = Field(default_factory=Retrain)
    refresh: Literal["auto", "off"] | Annotated[timedelta, Span("1d", "3650d")] | RowCount = Field(
        default="auto",
        description="When a model that shows no fault is taught again: auto (when its ageing has cost as much as a training), a time "
        "such as 30d, a number of labelled rows such as 5000 rows, or off.",
    )
    validation: Validate = Field(default_factory=Validate, alias="validate")
    rollout: Rollout = Field(default_factory=Rollout)
    approval: Approval = Field(default_factory=Approval)
    notify: Notify = Field(default_factory=Notify)

    @field_validator("apiVersion", mode="before")
    @classmethod
    def _spelt_formerly(cls, value: object) -> object:
        return API_VERSION if value == FORMER_API_VERSION else value

    @model_validator(mode="after")
    def _agree(self) -> "Policy":
        Disagreement.unless_none(disagreements(self.data, self.detect, self.rules, self.validation))
        Disagreement.unless_none(self._unprovable())
        return self

    def _unprovable(self) -> Iterator[tuple[str, str]]:
        """An approval that the API server proves, asked by a step that does not speak to it."""
        if self.approval.kubernetes and self.autonomy.quarantine is Autonomy.APPROVE:
            said = "autonomy.quarantine is approve beside approval.kubernetes, and what sets rows aside does not speak to the API server"
            yield "autonomy.quarantine", f"{said}; expected act, suggest or observe, or approval.signers"

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
        """The time after a heal in which an alert may still speak of the old data: window + label
        delay, unless stated.
        """
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
        """The columns of a joined window of the inference log, for detection and diagnosis."""
        return Roles(
            task=self.data.task,
            target=self.data.target,
            prediction=LOGGED["prediction"],
            time=self.data.time,
            version=LOGGED["version"],
            id=LOGGED["id"],
            features=self.features,
            categorical=self.data.categorical,
            segments=self.data.segments,
        )

    @property
    def hash(self) -> str:
        """sha256 of the policy with its defaults, by which an incident is pinned to it.

        Policies that were kept keep their hash: the text is the one of the first version
        (`compact`, the first spelling of apiVersion), and a field of LATER_FIELDS is left out at
        its default.
        """
        return sha256(compact(self.lasting | {"apiVersion": FORMER_API_VERSION}))

    @property
    def lasting(self) -> dict[str, Any]:
        """The policy as plain values, with its defaults, in the words that its hash stands for: the
        same for one hash in every version of the program.
        """
        plain = self.model_dump(mode="json", by_alias=True)
        for path in LATER_FIELDS:
            _drop_default(self, plain, path)
        return plain


def _drop_default(section: BaseModel, plain: dict[str, Any], path: str) -> None:
    """Take the field at the dotted path, in the names of the code, off the dump if it has its
    default.
    """
    name, _, rest = path.partition(".")
    field = type(section).model_fields[name]
    key, value = field.alias or name, getattr(section, name)
    if rest:
        _drop_default(value, plain[key], rest)
    elif value == field.get_default(call_default_factory=True):
        del plain[key]


def disagreements(
    data: Data | None, detect: Detect | None, rules: tuple[Rule, ...] | None, validation: Validate | None
) -> Iterator[tuple[str, str]]:
    """The faults between sections: the path of each fault in the policy, and a sentence.
    None: a section that is wrong itself.
    """
    ids = [rule.id for rule in rules or ()]
    for number, identity in enumerate(ids):
        if identity in ids[:number]:
            yield f"rules.{number}.id", f"rules have the id {identity} more than once; expected each id once"
    if data is None:
        return
    features = data.numeric + data.categorical
    known = f"expected features of this policy ({', '.join(features)})"
    if detect:
        for column in detect.effects:
            if column not in features:
                yield f"detect.effects.{column}", f"detect.effects names {column}; {known}"
    if validation:
        metric = validation.metric
        if metric and (metric in ("auc", "log_loss")) != (data.task is Task.BINARY):
            fitting = "auc or log_loss" if data.task is Task.BINARY else "rmse or mae"
            yield (
                "validate.metric",
                f"validate.metric is {metric}, which does not fit data.task {data.task.value}; expected {fitting}",
            )
        for column in validation.slices:
            if column not in features:
                yield "validate.slices", f"validate.slices names {column}; {known}"
        for column in validation.fairness.columns:
            if column not in features:
                yield "validate.fairness.columns", f"validate.fairness.columns names {column}; {known}"
        if validation.fairness.columns and data.task is not Task.BINARY:
            said = f"validate.fairness.columns is stated and data.task is {data.task.value}; expected binary, or no columns"
            yield "validate.fairness.columns", said
