"""Texts of messages as people's programs take them."""


def printable(text: str, longest: int = 2000) -> str:
    """The text on one line, at most `longest` characters. Messages may quote names from data, and a
    terminal, a mail's header or a chat must obey none of them.
    """
    return "".join(char if char.isprintable() else " " if char in "\n\t" else ascii(char)[1:-1] for char in text[:longest])
