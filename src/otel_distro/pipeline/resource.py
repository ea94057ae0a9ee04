# SPDX-License-Identifier: Apache-2.0
"""The Resource: who sends these spans. What the user gives wins over everything that is detected.

Only cheap facts are gathered: no command is run and nothing is asked over the network. The command line is
left out, because it may carry secrets.
"""

from __future__ import annotations

import os
import platform
import random
import socket
import sys
import threading
from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.version import __version__ as sdk_version

from otel_distro import __version__
from otel_distro.runtime import guard
from otel_distro.settings import service_name
from otel_distro.settings.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_distro.settings.settings import Settings

DETECTOR_TIMEOUT_S = 2.0
# the environment's own detectors are what this module does itself
_BUILT_IN = frozenset({"otel", "service_instance", "process", "os", "host", "container"})


def create(settings: Settings) -> tuple[Resource, list[Problem]]:
    """Detect everything, each detector inside the guard and, where it is somebody else's, within a deadline."""
    attributes: dict[str, str | int] = {}
    for detect in (_service, _telemetry, _process, _operating_system, _host, _container):
        attributes.update(guard.call(f"resource detector {detect.__name__[1:]}", detect) or {})
    resource = Resource(attributes)
    problems: list[Problem] = []
    for name in settings.resource_detectors:
        if name not in _BUILT_IN:
            found, trouble = _foreign(name)
            resource = resource.merge(found)
            problems += trouble
    given: dict[str, str] = dict(settings.resource_attributes)
    if settings.service_name is not None:
        given["service.name"] = settings.service_name
    return resource.merge(Resource(given)), problems


def renewal(settings: Settings) -> Callable[[Resource], Resource]:
    """What a forked child does to its parent's resource: a new identity, unless the user gave one."""
    kept = {name for name, _ in settings.resource_attributes}

    def renew(resource: Resource) -> Resource:
        fresh: dict[str, str | int] = {"service.instance.id": _new_instance_id(), "process.pid": os.getpid()}
        return resource.merge(Resource({name: value for name, value in fresh.items() if name not in kept}))

    return renew


def _service() -> Mapping[str, str | int]:
    name, _ = service_name.detect_here()
    return {"service.name": name, "service.instance.id": _new_instance_id()}


def _new_instance_id() -> str:
    bits = random.SystemRandom().getrandbits(128)
    text = f"{bits & ~(0xF000 << 64) & ~(0xC000 << 48) | (0x4000 << 64) | (0x8000 << 48):032x}"  # a version 4 UUID
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _telemetry() -> Mapping[str, str | int]:
    return {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": sdk_version,
        "telemetry.distro.name": "otel-distro",
        "telemetry.distro.version": __version__,
    }


def _process() -> Mapping[str, str | int]:
    return {
        "process.pid": os.getpid(),
        "process.executable.path": sys.executable or "",
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": platform.python_version(),
    }


def _operating_system() -> Mapping[str, str | int]:
    return {"os.type": {"win32": "windows"}.get(sys.platform, sys.platform)}


def _host() -> Mapping[str, str | int]:
    machine = os.uname().machine if hasattr(os, "uname") else platform.machine()
    architecture = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return {"host.name": socket.gethostname(), "host.arch": architecture}


def _container() -> Mapping[str, str | int]:
    """The container's id from /proc: 64 hexadecimal digits in the cgroup (v1) or the mount table (v2)."""
    for path in ("/proc/self/cgroup", "/proc/self/mountinfo"):
        try:
            with open(path, encoding="ascii", errors="replace") as file:
                lines = file.readlines(65_536)
        except OSError:
            continue  # not Linux, or /proc is not mounted
        for line in lines:
            found = _container_id(line)
            if found:
                return {"container.id": found}
    return {}


def _container_id(line: str) -> str | None:
    if not any(word in line for word in ("docker", "containers", "kubepods", "crio", "libpod")):
        return None
    for part in line.replace("/", " ").replace("-", " ").replace(".", " ").replace(":", " ").split():
        if len(part) == 64 and all(letter in "0123456789abcdef" for letter in part):
            return part
    return None


def _foreign(name: str) -> tuple[Resource, list[Problem]]:
    from opentelemetry.util._importlib_metadata import entry_points

    empty = Resource({})
    variable = "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"
    if name == "*":
        resource, problems = empty, list[Problem]()
        for found in entry_points(group="opentelemetry_resource_detector"):
            if found.name not in _BUILT_IN:
                one, trouble = _foreign(found.name)
                resource, problems = resource.merge(one), problems + trouble
        return resource, problems
    for found in entry_points(group="opentelemetry_resource_detector", name=name):
        results: list[Resource | None] = []

        def detect(found: object = found, results: list[Resource | None] = results) -> None:
            results.append(guard.load(f"resource detector {name}", lambda: found.load()().detect()))  # type: ignore[attr-defined]

        thread = threading.Thread(target=detect, name=f"otel-distro detector {name}", daemon=True)
        thread.start()
        thread.join(DETECTOR_TIMEOUT_S)
        if not results:
            return empty, [
                Problem(variable, name, f"the detector took over {DETECTOR_TIMEOUT_S:g} s", "going on without it")
            ]
        detected = results[0]
        if isinstance(detected, Resource):
            return detected, []
        return empty, []
    return empty, [Problem(variable, name, "no such resource detector is installed", "going on without it")]
