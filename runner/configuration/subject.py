"""The base of the settings of one subject.

Each setting has two texts. The description is a few words, for `dojo-runner config`. The docstring
below the field is for docs/settings.md, in Markdown: what the setting is and, in a paragraph of its
own, when to change it. Python forgets such docstrings, so they cost a daemon's start nothing.
"""

from pydantic import BaseModel, ConfigDict


class Subject(BaseModel):
    """Settings of one subject, which are read only as a part of all `Settings`."""

    model_config = ConfigDict(frozen=True, defer_build=True)
