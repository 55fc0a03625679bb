"""The fitness gates of a challenger: it loads where it will serve, takes the policy's features, and
is quick and small enough.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.policy_types import bytes_of
from modelmedic.steps.contracts.training import Gate

_MIB = 1 << 20
_SERVER = 128 * _MIB  # the HTTP server's modules were 61 MiB; as much waits for the log's store at most


@dataclass(frozen=True, slots=True)
class Fitness:
    """The behaviour of a challenger in a process like the one that will serve it. `fault` says why
    it did not load.
    """

    fault: str = ""
    unpickled: bool = False
    inputs: tuple[tuple[str, str], ...] = ()  # name and type (MLflow's word) of each column of its signature
    latency_p95_ms: float | None = None
    requests: int = 0
    memory: int | None = None  # bytes at most while it was loaded and answered a batch; None where that cannot be told
    size: int = 0  # bytes of its folder


def fitness_gates(policy: Policy, seen: Fitness) -> tuple[Gate, ...]:
    """The gates loads, signature, latency and memory; loads alone where the model does not load."""
    return tuple(_gates(policy, seen))


def _gates(policy: Policy, seen: Fitness) -> Iterator[Gate]:
    how = "without unpickling" if not seen.unpickled else "by running what its maker wrote, which the environment allows"
    yield Gate("loads", not seen.fault, seen.fault or f"the model loads {how} and answers where it will serve")
    if seen.fault:
        return
    yield _signature(policy, seen)
    bound, p95 = policy.validation.latencyP95Ms, seen.latency_p95_ms
    if p95 is None:
        yield Gate("latency", False, "no single request was timed; expected some", threshold=bound)
    else:
        sentence = f"p95 of {seen.requests} single requests is {p95:.1f} ms; {bound:g} ms is allowed"
        yield Gate("latency", p95 <= bound, sentence, p95, bound)
    yield _memory(policy, seen)


def _memory(policy: Policy, seen: Fitness) -> Gate:
    """A server that takes more is killed, and killed again whenever it starts."""
    allowed, disk = bytes_of(policy.serving.memory), f"{seen.size / _MIB:.0f} MiB on disk"
    if seen.memory is None:
        took, taken = f"its folder has {disk}", seen.size
    else:
        taken = max(seen.memory + _SERVER, seen.size)
        took = f"loading it ({disk}) and answering a batch took {seen.memory / _MIB:.0f} MiB, a server {_SERVER // _MIB} MiB more"
    return Gate(
        "memory", taken <= allowed, f"{took}; serving.memory gives the predictor {policy.serving.memory}", taken / _MIB, allowed / _MIB
    )


def _signature(policy: Policy, seen: Fitness) -> Gate:
    """A model may use fewer features than the policy names, never other ones or of another type."""
    texts = {name for name, kind in seen.inputs if kind in ("string", "binary")}
    strange = [name for name, _ in seen.inputs if name not in policy.features]
    turned = [name for name, _ in seen.inputs if name in policy.features and (name in texts) != (name in policy.data.categorical)]
    if not seen.inputs:
        return Gate("signature", False, "the model has no signature; expected one with the policy's features")
    if strange:
        return Gate("signature", False, f"the signature asks for {', '.join(strange)}, which the policy does not name as a feature")
    if turned:
        return Gate("signature", False, f"the signature takes {', '.join(turned)} as another kind than the policy does (number or text)")
    return Gate("signature", True, f"the signature takes {len(seen.inputs)} of the policy's {len(policy.features)} features")
