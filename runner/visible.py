"""Shows texts of others on a terminal, which would obey some of their characters."""

# A terminal obeys some of these: the C0 and C1 control characters but tab and newline, and DEL.
_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"}
_PICTURES |= {0x7F: 0x2421, **dict.fromkeys(range(0x80, 0xA0), 0xFFFD)}


def visible(text: str) -> str:
    """The text with pictures in the place of control characters, which a terminal would obey."""
    return text.replace("\r\n", "\n").translate(_PICTURES)


def visible_line(text: str) -> str:
    """The same in one line, so that the text cannot add lines that look like a command's own."""
    return visible(" ".join(text.split()))
