"""Addresses of cameras without the passwords in them, for logs and messages."""

import re

USER_INFO = re.compile(r"(?<=://)[^/\s\"']*@")
PASSWORD = re.compile(r"\b(user-pw|user-id|password|passwd|pwd|token)(\s*=\s*)(\"[^\"]*\"|'[^']*'|[^\s&!\"']+)", re.IGNORECASE)


def redact(text: str) -> str:
    """The text with user, password and tokens of every address and pipeline in it replaced by stars."""
    return PASSWORD.sub(r"\1\2***", USER_INFO.sub("***@", text))
