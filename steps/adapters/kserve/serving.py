"""`Serving` over KServe in Standard mode: every change is one patch of the InferenceService, and
the running pods and the route prove that it was made.

A patch carries the resourceVersion that it was decided on, so that nothing slips in between; a
change of the status alone, which moves the resourceVersion and not the generation, only has it
decided anew. Neither `Ready` nor `observedGeneration` of the InferenceService is believed (they
were seen to stay behind by generations): Deployments, the HTTPRoute and answered predictions are.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Literal

import pyarrow as pa

from modelmedic.steps.adapters.kserve.document import (
    Document,
    ServicePredictor,
    ServiceSpec,
    canary_entry,
    foreign,
    free_name,
    made_here,
    new_service,
    predictor,
    promotion,
    read_predictor,
    read_spec,
    storage_uri,
    with_share,
)
from modelmedic.steps.adapters.kserve.notes import Notes
from modelmedic.steps.adapters.kserve.pods import PredictorPods, own_rows_in
from modelmedic.steps.adapters.kserve.route import Route, read_route
from modelmedic.steps.adapters.kube.client import Kube
from modelmedic.steps.adapters.polling import wait_until
from modelmedic.steps.contracts.errors import BadPolicy, Conflict, ModelmedicError, NotFound, Refused, Transient
from modelmedic.steps.contracts.kserve import ACCOUNT, RUNTIME
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.serving import Prediction, Served, ServingState, Traffic
from modelmedic.steps.contracts.training import ModelVersion

_TRIES = 20  # of a patch that another writer's change of the status overtakes
_RETREAT = 10.0  # seconds that a retreat waits for the gateway before it goes on all the same
_GROUP = "/apis/serving.kserve.io/v1beta1"


class KServeServing:
    """Implements `Serving` for the InferenceService that a policy names.

    `store_url` is the object store as KServe reads it (s3://bucket/prefix); `store` is opened for
    reading when a model's own rows are wanted, unless it is given. `patience` bounds the start of a
    predictor until its first real prediction, `route_patience` how long the gateway may take for a
    share, `settle` what it may take after it has said so (Traefik: 2 s); `pause` lies between two
    looks, in seconds. `account` and `runtime` are what an InferenceService of ours runs as and by.
    Raises BadPolicy for any other mode.

    One promise of the port cannot be kept: a caller does see the failures of a canary's share,
    because no Gateway API gateway asks the champion again.
    """

    def __init__(
        self,
        kube: Kube,
        policy: Policy,
        store_url: str,
        store: ObjectStore | None = None,
        *,
        patience: timedelta = timedelta(seconds=180),
        route_patience: timedelta = timedelta(seconds=60),
        settle: timedelta = timedelta(seconds=3),
        pause: float = 0.5,
        account: str = ACCOUNT,
        runtime: str = RUNTIME,
    ) -> None:
        serving = policy.serving
        if serving.mode != "Standard":
            raise BadPolicy(
                f"serving.mode is {serving.mode}, which is rendered and was never run; expected Standard for a model that is deployed"
            )
        self._kube = kube
        self._policy = policy
        self._store_url = store_url
        self._store = store
        self._patience = patience.total_seconds()
        self._route_patience = route_patience.total_seconds()
        self._settle = settle.total_seconds()
        self._pause = pause
        self._account = account
        self._runtime = runtime
        self._namespace, self._name = serving.namespace, serving.inferenceService
        self._folder = f"{_GROUP}/namespaces/{self._namespace}/inferenceservices"
        self._path = f"{self._folder}/{self._name}"
        self._predictors = PredictorPods(kube, self._namespace, self._name)
        self._notes = Notes(kube, self._namespace, self._name)

    def state(self) -> ServingState:
        service = self._read()
        if service is None:
            return ServingState(0, None, annotations=self._notes.annotations())
        now = read_spec(service)
        champion, canary = now.champion, now.canary
        return ServingState(
            now.generation,
            self._served(champion),
            self._served(canary),
            self._share(canary) if canary is not None and now.percent else 0,
            self._previous(champion),
            self._notes.annotations(),
            foreign(service, self._policy.name),
        )

    def start(self, model: ModelVersion) -> ServingState:
        """Create the InferenceService, or make the one that waits for a model serve this one.
        Raises Refused for one that somebody else made, and leaves it as it is.
        """
        service = self._read()
        stranger = foreign(service, self._policy.name) if service is not None else None
        if stranger is not None:
            raise Refused(stranger.sentence)
        return self._start(service, model)

    def _start(self, service: Document | None, model: ModelVersion) -> ServingState:
        now = read_spec(service).champion if service is not None else None
        if now is not None and now.digest != model.digest and self._predictors.runs(now):
            raise Refused(f"version {now.version} serves already; expected nothing, or a canary for version {model.version}")
        if now is None or now.digest != model.digest:
            self._serve_first(service, model)
        champion = self._champion()
        self._proved(champion, model)
        self._gateway_follows(lambda: self._alone(champion), min(_RETREAT, self._route_patience))  # it comes after the first ready pod
        return self.state()

    def start_canary(self, model: ModelVersion, *, expected: int) -> ServingState:
        """Raises Refused when the model says that it cannot serve, Transient when it does not come
        up in time; the canary is gone again then.
        """
        service = self._expected(expected)
        now = read_spec(service)
        self._champion(now)
        if now.canary is not None and now.canary.digest != model.digest:
            raise Refused(f"version {now.canary.version} is the canary already; withdraw it before version {model.version} is tried")
        self._bring_up(model, expected=expected)
        return self.state()

    def set_share(self, percent: int, *, expected: int) -> ServingState:
        """Returns when the gateway has taken the share in. Raises Refused where no gateway can
        prove a share.
        """
        if not 0 <= percent <= 100:
            raise Refused(f"share is {percent}; expected 0 to 100 percent")
        canary = self._running_canary(self._expected(expected))
        if self._route() is None:
            raise Refused(
                f"there is no HTTPRoute {self._name} in {self._namespace}: without a Gateway API gateway a canary's share cannot be seen; "
                "docs/install.md says what KServe needs"
            )
        self._changed(lambda service: with_share(service, percent), expected=expected)
        self._routed(lambda route: route.settled and route.share(self._predictors.deployment_name(canary)) == percent, f"{percent} percent")
        return self.state()

    def promote(self, *, expected: int) -> ServingState:
        """No pod is restarted, and no request meets one that ends: the gateway sends everything to
        the canary before it is promoted.
        """
        service = self._expected(expected)
        canary = self._running_canary(service)
        name = self._predictors.deployment_name(canary)
        if self._route() is not None:
            service = self._changed(lambda now: with_share(now, 100), expected=expected)
            self._routed(lambda route: route.only(name), "all traffic for the canary")
        self._notes.replace(canary, self._champion(read_spec(service)), service)
        self._changed(promotion, expected=read_spec(service).generation)
        if self._route() is not None:
            self._routed(lambda route: route.only(name) and len(route.weights) == 1, f"all traffic for version {canary.version}")
        return self.state()

    def withdraw(self) -> ServingState:
        """Set the share to zero first, so that the gateway sends no request to a pod that ends."""
        service = self._read()
        if service is None or not service["spec"].get("canary") or self._is_theirs(service):
            return self.state()
        if read_spec(service).percent:
            self._changed(lambda now: with_share(now, 0) if now["spec"].get("canary") else None)
            self._gateway_follows(self._dark, _RETREAT)
        self._changed(lambda now: {"spec": {"canary": None}} if now["spec"].get("canary") else None)
        self._gateway_follows(lambda: (route := self._route()) is None or len(route.weights) <= 1, _RETREAT)
        return self.state()

    def restore(self, model: ModelVersion) -> ServingState:
        """Bring the version up beside the champion and switch when it answers; a champion that
        fails all requests is no obstacle.
        """
        service = self._read()
        now = read_spec(service) if service is not None else None
        if service is None or now is None or now.champion is None:
            if service is not None and not made_here(service, self._policy.name):
                return self.start(model)  # which refuses what somebody else made
            return self._start(service, model)
        if now.canary is not None and now.canary.digest != model.digest:
            self.withdraw()
        if now.champion.digest == model.digest:
            return self.withdraw()
        one = self._bring_up(model, expected=None)
        if self._route() is not None:
            self._changed(lambda service: with_share(service, 100))
            self._gateway_follows(lambda: (route := self._route()) is None or route.only(self._predictors.deployment_name(one)), _RETREAT)
        self._changed(promotion)
        self._gateway_follows(lambda: self._route() is None or self._alone(self._champion()), _RETREAT)
        return self.state()

    def annotate(self, facts: Mapping[str, str | None]) -> None:
        self._notes.add(facts, self._read())

    def infer(self, rows: pa.Table, *, to: Literal["champion", "canary"], replay: bool = True) -> Prediction:
        service = self._read()
        now = read_spec(service) if service is not None else ServiceSpec(0, None, None, 0)
        asked = now.champion if to == "champion" else now.canary
        if asked is None:
            raise Transient(f"there is no {to} to ask; expected one that serves")
        return self._predictors.ask(asked, rows, replay=replay)

    def traffic(self) -> Mapping[str, Traffic]:
        """The predictors' own counts: 5xx is a failure. A request that reached no predictor is not
        counted.
        """
        service = self._read()
        now = read_spec(service) if service is not None else ServiceSpec(0, None, None, 0)
        roles = {"champion": now.champion, "canary": now.canary}
        return {role: self._predictors.traffic(each) for role, each in roles.items() if each is not None}

    def _is_theirs(self, service: Document) -> bool:
        """True for a service that somebody else made and serves by."""
        return foreign(service, self._policy.name) is not None and not made_here(service, self._policy.name)

    def _serve_first(self, service: Document | None, model: ModelVersion) -> None:
        if service is None:
            first = self._predictor({}, model, None)
            self._kube.create(self._folder, new_service(self._policy, first, self._account))
            return

        def chosen(now: Document) -> Document:
            base = now["spec"].get("predictor") or {}
            return {"spec": {"canary": None, "predictor": self._predictor(base, model, now)}}

        self._changed(chosen, expected=read_spec(service).generation)

    def _bring_up(self, model: ModelVersion, *, expected: int | None) -> ServicePredictor:
        """A canary without traffic that has answered a real prediction; a canary that does not come
        up is taken out again.
        """

        def chosen(now: Document) -> Document | None:
            there = read_spec(now).canary
            if there is not None and there.digest == model.digest:
                return None  # an earlier call was killed while it came up
            serves = self._predictor(now["spec"]["predictor"], model, now)
            return {"spec": {"canary": [canary_entry(now, serves)]}}

        service = self._changed(chosen, expected=expected)
        one = read_predictor(service["spec"]["canary"][0]["predictor"])
        try:
            self._proved(one, model)
            self._placed(one)
        except ModelmedicError:
            with contextlib.suppress(Conflict):  # another writer has changed it meanwhile
                self._changed(lambda _: {"spec": {"canary": None}}, expected=read_spec(service).generation)
            raise
        return one

    def _placed(self, canary: ServicePredictor) -> None:
        """KServe gives a canary its place in the route once it has seen it ready."""
        if self._route() is not None:
            name = self._predictors.deployment_name(canary)
            self._routed(lambda route: route.settled and name in route.weights, "a place for the canary")

    def _proved(self, one: ServicePredictor, model: ModelVersion) -> None:
        """Wait until a pod answers rows of the model's own as this version. Raises Refused and
        Transient as `start_canary`.
        """
        rows, seen = self._own_rows(model.uri), ""

        def answers() -> bool:
            nonlocal seen
            if self._predictors.runs(one) and self._predictors.prove(one, rows):
                return True
            seen = self._predictors.failure(one)
            return False

        if not wait_until(answers, seconds=self._patience, pause=self._pause):
            name = self._predictors.deployment_name(one)
            raise Transient(f"{name} did not answer within {self._patience:.0f} s: {seen}; see `kubectl -n {self._namespace} get pods`")

    def _own_rows(self, prefix: str) -> pa.Table | None:
        """Rows of the model's own; None when the store is away, which stops no retreat."""
        from modelmedic.steps.adapters.store.by_url import open_store

        return own_rows_in(self._store or open_store(self._store_url, read_only=True), prefix)

    def _routed(self, reached: Callable[[Route], bool], what: str) -> None:
        """Raises Transient when the gateway does not come to it."""
        if not self._gateway_follows(lambda: (route := self._route()) is not None and reached(route), self._route_patience):
            now = self._route()
            seen = f"its weights are {now.weights}" if now is not None else "it is gone"
            raise Transient(f"HTTPRoute {self._name} in {self._namespace} does not say {what} after {self._route_patience:.0f} s: {seen}")

    def _gateway_follows(self, true: Callable[[], bool], seconds: float) -> bool:
        """True when the condition came true in time. A gateway accepts a route a little before it
        sends the next request by it.
        """
        if not wait_until(true, seconds=seconds, pause=self._pause):
            return False
        if self._route() is not None:
            time.sleep(self._settle)
        return True

    def _alone(self, one: ServicePredictor) -> bool:
        """True when the gateway sends everything to this predictor."""
        route = self._route()
        return route is not None and route.only(self._predictors.deployment_name(one)) and len(route.weights) == 1

    def _dark(self) -> bool:
        service, route = self._read(), self._route()
        canary = read_spec(service).canary if service is not None else None
        return canary is None or route is None or (route.settled and route.share(self._predictors.deployment_name(canary)) == 0)

    def _changed(self, to: Callable[[Document], Document | None], *, expected: int | None = None) -> Document:
        """Patch with the change that `to` makes of the object as it is now (None changes nothing),
        and return the object afterwards.

        The loop is a compare-and-swap, not a wait: each round decides anew. Raises Conflict when
        the generation is not `expected`; None is for retreats, which need none.
        """
        for _ in range(_TRIES):
            service = self._expected(expected)
            change = to(service)
            if change is None:
                return service
            try:
                return self._kube.patch(self._path, {**change, "metadata": {"resourceVersion": service["metadata"]["resourceVersion"]}})
            except Conflict:
                time.sleep(self._pause / 10)
        raise Transient(f"InferenceService {self._name} in {self._namespace} changes faster than it can be patched; try again later")

    def _expected(self, generation: int | None) -> Document:
        service = self._read()
        now = int(service["metadata"]["generation"]) if service is not None else 0
        if generation is not None and now != generation:
            raise Conflict(f"serving is at generation {now}; expected {generation}: another writer changed it meanwhile")
        if service is None:
            raise Refused(
                f"there is no InferenceService {self._name} in {self._namespace}; `modelmedic bootstrap` starts the first champion"
            )
        return service

    def _read(self) -> Document | None:
        try:
            return self._kube.get(self._path)
        except NotFound:
            return None

    def _champion(self, now: ServiceSpec | None = None) -> ServicePredictor:
        now = now or read_spec(self._expected(None))
        if now.champion is None:
            raise Refused(f"nothing of ours serves as {self._name} in {self._namespace}; `modelmedic bootstrap` starts the first champion")
        return now.champion

    def _running_canary(self, service: Document) -> ServicePredictor:
        canary = read_spec(service).canary
        if canary is None:
            raise Refused("there is no canary; expected one that was started")
        if not self._predictors.runs(canary):
            raise Transient(f"the canary of version {canary.version} does not run; see `kubectl -n {self._namespace} get pods`")
        return canary

    def _route(self) -> Route | None:
        return read_route(self._kube, self._namespace, self._name)

    def _share(self, canary: ServicePredictor) -> int:
        """The share that the gateway was given, which may not be the one asked for."""
        route = self._route()
        return route.share(self._predictors.deployment_name(canary)) if route is not None else 0

    def _predictor(self, base: Document, model: ModelVersion, service: Document | None) -> Document:
        uri = storage_uri(self._store_url, model.uri)
        return predictor(base, model, uri, self._policy, free_name(service, model), self._runtime)

    def _served(self, one: ServicePredictor | None) -> Served | None:
        return Served(one.version, one.digest, self._key(one.uri), self._predictors.url(one), self._predictors.runs(one)) if one else None

    def _previous(self, champion: ServicePredictor | None) -> Served | None:
        kept = self._notes.previous(champion) if champion is not None else None
        return Served(kept.version, kept.digest, self._key(kept.uri), self._predictors.url(kept), ready=False) if kept else None

    def _key(self, uri: str) -> str:
        """The uri as `ModelVersion.uri` has it."""
        return uri.removeprefix(f"{self._store_url.rstrip('/')}/")
