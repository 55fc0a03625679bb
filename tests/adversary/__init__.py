"""Attacks on the program, each with what became of it: `python -m tests.adversary` tries them all.

Every module here that offers `attacks(seed) -> Iterator[Attack]` is a group. An attack gets an
empty folder and a process of its own, with an end in time and memory.
"""
