"""One heal of a small flight-delay model by the real parts, as a process that a test may kill:
`python -m tests.worlds.a_heal FOLDER`.

The first call bootstraps and plays half a year; every call heals the incident that a person opened
then, or goes on with it.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from modelmedic.examples.flights.stream import Flights
from modelmedic.examples.flights.traffic import FlightTraffic
from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.local_serving.serving import LocalServing
from modelmedic.steps.adapters.policy.file import load_policy
from modelmedic.steps.bootstrap.in_process import bootstrap
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.heal.engine import heal
from modelmedic.steps.incidents.opening import open_by_hand
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.runtime.workspace import Workspace

JANUARY, MARCH, JUNE = (datetime(2013, month, 1, tzinfo=UTC) for month in (1, 3, 6))
AT = datetime(2013, 6, 25, tzinfo=UTC)
FLIGHTS = Flights(0.15)


_CAUSES = ("concept_drift", "covariate_shift", "label_shift", "data_quality", "label_quality", "none")


def rules() -> Policy:
    """The example's, for fewer flights; whatever is diagnosed is retrained on, so that the test is
    about the heal alone.
    """
    policy = load_policy(Path("examples/flights/policy.yaml"))
    easy = {"margin": 0.2, "sliceMargin": 0.5, "oldRegimeMargin": 0.5, "minLabels": 100, "latencyP95Ms": 5000}
    changes = {
        "retrain": {**policy.retrain.model_dump(), "minRows": 800},
        "validate": {**policy.validation.model_dump(), **easy},
        "rules": [{"id": cause.replace("_", "-"), "cause": cause, "remedy": "retrain"} for cause in _CAUSES],
        "rollout": {"steps": [20, 50], "hold": "1d", "deadline": "7d", "minRequests": 5},
    }
    return Policy.model_validate({**policy.model_dump(mode="json", by_alias=True), **changes})


def say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def site(folder: Path) -> tuple[Site, PlayedClock]:
    clock = PlayedClock(AT)
    return Workspace(folder).site(rules(), clock=clock, say=say, terminal=False), clock


def main(folder: Path) -> None:
    place, clock = site(folder)
    serving = place.serving
    assert isinstance(serving, LocalServing)
    if place.registry.alias(place.policy.registry.champion) is None:
        bootstrap(place, FLIGHTS.between(Window(JANUARY, MARCH)))
        FlightTraffic(place, FLIGHTS, serving.url).play(JUNE - timedelta(days=40), AT)
        serving.flush()
    clock.meanwhile = FlightTraffic(place, FLIGHTS, serving.url).play
    say(str(heal(open_by_hand(place)).outcome))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
