"""The backtest: a policy replayed over past labelled rows, beside simpler ways of running the
model. Called by the command backtest.
"""
