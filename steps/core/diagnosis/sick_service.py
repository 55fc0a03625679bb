"""The diagnosis of an incident about the service itself, by what the sweep had measured when it
opened it. Called by the stage diagnose.
"""

from collections.abc import Mapping
from datetime import datetime

from modelmedic.steps.contracts.diagnosis import Diagnosis, Evidence
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.diagnosis.confidence import SICK


def of_service(facts: Mapping[str, str]) -> Diagnosis:
    """A bad release where the service became sick with one (`released`, a time), else a sick
    service without a release, which is for a person. `facts` are the incident's.
    """
    sentence = facts.get("sentence", "the service is sick")
    evidence = (Evidence("service.measured", sentence),)
    if not facts.get("released"):
        words = f"a sick service without a release: {sentence}"
        return Diagnosis(Cause.INSUFFICIENT_EVIDENCE, SICK, harm="shown", evidence=evidence, sentence=words)
    onset, version = datetime.fromisoformat(facts["released"]), facts.get("version")
    return Diagnosis(Cause.BAD_RELEASE, SICK, onset=onset, harm="shown", evidence=evidence, version=version, sentence=sentence)
