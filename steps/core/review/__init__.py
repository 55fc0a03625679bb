"""The judgement of past incidents on rules, on autonomy and on a changed policy."""
