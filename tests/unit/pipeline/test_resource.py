# SPDX-License-Identifier: Apache-2.0
"""The resource: who sends the spans."""

from __future__ import annotations

import re

from otel_distro import __version__
from otel_distro.pipeline import resource
from otel_distro.settings.settings import Settings

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_what_is_detected() -> None:
    """Service, process, host, operating system and both names of the telemetry software."""
    made, problems = resource.create(Settings())
    attributes = made.attributes
    assert problems == []
    assert {
        "service.name",
        "service.instance.id",
        "process.pid",
        "process.executable.path",
        "process.runtime.name",
        "process.runtime.version",
        "host.name",
        "host.arch",
        "os.type",
        "telemetry.sdk.language",
        "telemetry.sdk.name",
        "telemetry.sdk.version",
    } <= set(attributes)
    assert attributes["telemetry.distro.name"] == "otel-distro"
    assert attributes["telemetry.distro.version"] == __version__
    assert UUID4.fullmatch(str(attributes["service.instance.id"]))


def test_no_argument_of_the_process_is_sent() -> None:
    """Arguments carry secrets: none of upstream's process.command attributes."""
    made, _ = resource.create(Settings())
    assert not any(name.startswith("process.command") for name in made.attributes)


def test_what_the_user_gives_wins() -> None:
    """OTEL_SERVICE_NAME over OTEL_RESOURCE_ATTRIBUTES over what is detected."""
    given = (("service.name", "from attributes"), ("host.name", "mine"), ("service.instance.id", "pod-1"))
    by_attributes, _ = resource.create(Settings(resource_attributes=given))
    by_name, _ = resource.create(Settings(service_name="from name", resource_attributes=given))
    assert by_attributes.attributes["service.name"] == "from attributes"
    assert by_attributes.attributes["host.name"] == "mine"
    assert by_name.attributes["service.name"] == "from name"


def test_a_child_gets_an_identity_of_its_own() -> None:
    """service.instance.id and process.pid are renewed, the rest stays."""
    made, _ = resource.create(Settings())
    child = resource.renewal(Settings())(made)
    assert made.attributes["service.instance.id"] != child.attributes["service.instance.id"]
    assert made.attributes["service.name"] == child.attributes["service.name"]


def test_a_child_keeps_the_identity_that_the_user_gave() -> None:
    """A user's service.instance.id survives the fork."""
    settings = Settings(resource_attributes=(("service.instance.id", "pod-1"),))
    made, _ = resource.create(settings)
    assert resource.renewal(settings)(made).attributes["service.instance.id"] == "pod-1"


def test_an_unknown_detector_is_named() -> None:
    """One problem, and the resource without it."""
    made, problems = resource.create(Settings(resource_detectors=("otel", "bogus")))
    assert [problem.value for problem in problems] == ["bogus"]
    assert "service.name" in made.attributes


def test_container_ids() -> None:
    """cgroup version 1 and 2 lines of the usual runtimes; nothing else looks like one."""
    digits = "0123456789abcdef" * 4
    lines = (
        f"12:memory:/docker/{digits}\n",
        f"0::/system.slice/docker-{digits}.scope\n",
        f"1:name=systemd:/kubepods/besteffort/pod1-2/cri-containerd-{digits}.scope\n",
        f"608 589 0:45 /containers/{digits}/hostname /etc/hostname rw\n",
    )
    assert [resource._container_id(line) for line in lines] == [digits] * 4
    assert resource._container_id(f"12:memory:/user.slice/{digits}\n") is None
    assert resource._container_id("0::/docker/short\n") is None
