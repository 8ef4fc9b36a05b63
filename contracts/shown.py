"""Shown: text from outside on its way to somebody's terminal: lines stay lines, nothing in it moves the cursor or talks to the terminal."""


def shown(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
