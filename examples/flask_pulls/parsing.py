# SPDX-License-Identifier: Apache-2.0
"""From the JSON of the API to what the page shows."""

from dataclasses import dataclass
from datetime import datetime, timezone


@dataclass(frozen=True)
class PullRequest:
    number: int
    title: str
    author: str
    url: str
    opened: datetime
    draft: bool
    labels: tuple[str, ...]


def parse_pull_requests(payload):
    """Return the pull requests of an API answer, newest first."""
    pulls = [
        PullRequest(
            number=item["number"],
            title=item["title"].strip(),
            author=item["user"]["login"],
            url=item["html_url"],
            opened=_moment(item["created_at"]),
            draft=item.get("draft", False),
            labels=tuple(label["name"] for label in item.get("labels", [])),
        )
        for item in payload
    ]
    return sorted(pulls, key=lambda pull: pull.opened, reverse=True)


def _moment(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
