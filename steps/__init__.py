"""The steps of the healing loop, run inside pods or in one process on a laptop.

The monitor compares each model's current window with the champion's reference and opens an incident
when enough windows alarm. A heal takes the incident through its stages: diagnose the cause; set
broken rows aside, roll a bad release back, or retrain; validate the challenger by gates; ask people
where the policy says so; deploy by a canary; report; close. The sweep repairs what a crash left
half done, and says later whether the heal helped.

    contracts                       frozen values, ports, the stage table, errors
    core                            decisions only, by phase; no IO and no vendor
    adapters                        the only modules that import vendors, a folder for each outside
    data, records                   the inference log and its labels; ledger, audit trail, policies
    effects                         intent, act, read back, outcome; lease, journal, spool
    predictor                       the program that serves a model
    runtime                         Site and Run, the workspace that opens them, model versions
    approval, reporting, training   who may answer; pages for people; models trained and asked
    bootstrap, detection, rollout   the first champion; the monitor; canaries, and undoing them
    incidents, heal, reconcile      triage and its like; the stages, a file each; the sweep
    review                          what past incidents say of the rules and of a changed policy
    backtesting                     a policy replayed over the past
    entrypoints                     everything that a container may be asked for by name
"""
