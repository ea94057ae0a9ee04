# SPDX-License-Identifier: Apache-2.0
"""Which instrumentors are wanted, and switching one on: loaded only when the process is traced."""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase
from importlib import import_module
from typing import TYPE_CHECKING, Any

from otel_distro.instrumentation import activation, catalog, compatibility
from otel_distro.runtime import guard, log
from otel_distro.settings import entry_points, upstream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_distro.settings.entry_points import EntryPoint
    from otel_distro.settings.settings import Settings

GROUP = "opentelemetry_instrumentor"
FIRST_PARTY = {
    "django": "otel_distro.instrumentation.django.patch",
    "flask": "otel_distro.instrumentation.flask.patch",
    "requests": "otel_distro.instrumentation.requests",
    "sqlite3": "otel_distro.instrumentation.sqlite3",
    "subprocess": "otel_distro.instrumentation.subprocess",
    "threading": "otel_distro.instrumentation.threading",
    "urllib3": "otel_distro.instrumentation.urllib3",
}


class Switchboard:
    """Knows every instrumentor that is wanted here, and what has become of each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._declared = {found.name: found for found in entry_points.declared(GROUP)}
        self._foreign = {
            name: found
            for name, found in self._declared.items()
            if name not in catalog.NAMES and name not in FIRST_PARTY
        }
        self._decided: dict[str, str] = {}  # name -> "" when on, else why not
        self._news: list[str] = []
        self._options = _options_by_name(settings.instrumentation_options)

    def foreign_targets(self) -> Iterable[str]:
        """Top-level modules whose import switches on instrumentors that the catalog does not know."""
        for name, found in self._foreign.items():
            target = _target_of_foreign(found)
            if target in sys.modules or target is None:
                self.switch_on(name)
            else:
                yield target

    def switch_on_target(self, target: str) -> None:
        """Switch on everything that waits for this module. Never raises."""
        for name in catalog.TARGETS.get(target, ()):
            self.switch_on(name)
        for name, found in self._foreign.items():
            if _target_of_foreign(found) == target:
                self.switch_on(name)

    def switch_on(self, name: str) -> None:
        """Switch one instrumentor on, unless that was decided before. Never raises."""
        if name in self._decided:
            return
        if name in catalog.AMBIENT and name not in FIRST_PARTY and not activation.is_installed(name):
            return  # everybody imports its library, and few want it traced: not worth a word
        self._decided[name] = "is being switched on"
        reason = self._why_not(name)
        if reason is None:
            reason = self._instrument(name)
        self._decided[name] = reason
        self._news.append(name)

    def report(self) -> None:
        """One line on what is on and what is not since the last one, for those who asked."""
        news, self._news = self._news, []
        if not news or not log.enabled("info"):
            return
        on = " ".join(sorted(name for name in news if not self._decided[name]))
        off = ", ".join(f"{name} ({self._decided[name]})" for name in sorted(news) if self._decided[name])
        log.info("; ".join(part for part in (on and f"instrumented: {on}", off and f"skipped: {off}") if part))

    def decided(self) -> dict[str, str]:
        """Name of each instrumentor that was looked at; "" when it is on, else why it is off."""
        return dict(self._decided)

    def _why_not(self, name: str) -> str | None:
        settings = self._settings
        if settings.only_instrumentations and not _matches(name, settings.only_instrumentations):
            return "not in OTEL_DISTRO_INSTRUMENTATIONS"
        if _matches(name, settings.disabled_instrumentations):
            return "in OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
        if name == "logging" and not settings.logs_exporters:
            return "no logs exporter is named"
        if name == "system_metrics" and not settings.metrics_exporters:
            return "no metrics exporter is named"
        if name in FIRST_PARTY or name in self._foreign:
            return None
        if not activation.is_installed(name):
            return f"package missing: pip install {catalog.row(name).package}"
        return self._incompatible(name)

    def _incompatible(self, name: str) -> str | None:
        reasons = [self._unfit(row) for row in catalog.rows(name)]
        if None in reasons:
            return None
        log.warn(f"{name} is not traced: {reasons[0]}")
        return reasons[0]

    def _unfit(self, row: catalog.Instrumentor) -> str | None:
        found = self._declared.get(row.name)
        return compatibility.check(row, compatibility.installed_version, found.instruments if found else ())

    def _instrument(self, name: str) -> str:
        with upstream.during_import():
            done = guard.load(f"instrumentation {name} is skipped", self._load_and_instrument, name)
        return "" if done else "it failed"

    def _load_and_instrument(self, name: str) -> bool:
        if name in FIRST_PARTY:
            import_module(FIRST_PARTY[name]).instrument(self._settings, **self._options.get(name, {}))
            return True
        if name in self._foreign:
            where = self._foreign[name].value
        else:
            where = next(row.entry_point for row in catalog.rows(name) if self._unfit(row) is None)
        instrumentor: Any = _resolve(where)()
        if not getattr(instrumentor, "is_instrumented_by_opentelemetry", False):  # the app did it itself
            instrumentor.instrument(skip_dep_check=True, **self._options.get(name, {}))
        return True


def _matches(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name.lower(), glob.lower()) for glob in globs)


def _resolve(where: str) -> Any:
    module, _, attribute = where.partition(":")
    found: Any = import_module(module.strip())
    for part in attribute.strip().split("."):
        found = getattr(found, part)
    return found


def _options_by_name(options: Iterable[tuple[str, str, str]]) -> dict[str, dict[str, Any]]:
    by_name: dict[str, dict[str, Any]] = {}
    for name, option, text in options:
        by_name.setdefault(name, {})[option] = _option_value(option, text)
    return by_name


def _option_value(option: str, text: str) -> Any:
    """true and false, integers, `package.module:function` for hooks; everything else is text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.lstrip("-").isdecimal():
        return int(text)
    if option.endswith("_hook") and ":" in text:
        return guard.load(f"option {option}={text} is ignored", _resolve, text)
    return text


def _target_of_foreign(found: EntryPoint) -> str | None:
    """The module a foreign instrumentor waits for: the library it declares under its `instruments` extra.

    None when it declares none, or one that cannot be imported under a plain name: it is switched on at once.
    """
    names = [_import_name(requirement) for requirement in found.instruments]
    return names[0] if names else None


def _import_name(requirement: str) -> str:
    name = requirement.strip()
    for position, letter in enumerate(name):
        if not (letter.isalnum() or letter in "-_."):
            name = name[:position]
            break
    return name.replace("-", "_").lower()
