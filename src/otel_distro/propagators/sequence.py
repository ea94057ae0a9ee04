# SPDX-License-Identifier: Apache-2.0
"""Several propagators as one, and other packages' propagators made safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator, default_getter, default_setter

from otel_distro.propagators.carrier import EMPTY, CarrierT, GuardedPropagator
from otel_distro.runtime import guard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import Getter, Setter


class PropagatorSequence(CompositePropagator):
    """Propagators in order; a later one wins. With none at all, extract returns the context it was given."""

    def __init__(self, propagators: Sequence[GuardedPropagator]) -> None:
        """propagators: ours, and others as ForeignPropagator."""
        super().__init__(propagators)
        # One guard around all: only a broken carrier, getter or setter makes ours fail, and then all of them.
        self._readers = [propagator.read for propagator in propagators]
        self._writers = [propagator.write for propagator in propagators]

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Run each on the result of the one before. context: None is the empty one. Never raises."""
        if context is None:
            context = EMPTY
        found = guard.call("propagators, extract", self._read, carrier, context, getter)
        return context if found is None else found

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Run each. context: None is the current one. Never raises."""
        guard.call("propagators, inject", self._write, carrier, context, setter)

    def _read(self, carrier: CarrierT, context: Context, getter: Getter[CarrierT]) -> Context:
        for read in self._readers:
            context = read(carrier, context, getter)
        return context

    def _write(self, carrier: CarrierT, context: Context | None, setter: Setter[CarrierT]) -> None:
        for write in self._writers:
            write(carrier, context, setter)


class ForeignPropagator(GuardedPropagator):
    """A propagator of another package, behind a guard of its own."""

    def __init__(self, name: str, propagator: object) -> None:
        """name: as in OTEL_PROPAGATORS, for diagnostics. Raises TypeError when propagator is none."""
        if not isinstance(propagator, TextMapPropagator):
            raise TypeError(f"made a {type(propagator).__name__}, which is no propagator")
        self.name = f"propagator {name}"
        self._propagator = propagator

    def read(self, carrier: CarrierT, context: Context, getter: Getter[CarrierT]) -> Context:
        """Extract by the other package's rules; context as it was when it fails."""
        found = guard.call(self.name, self._propagator.extract, carrier, context, getter)
        return context if found is None else found

    def write(self, carrier: CarrierT, context: Context | None, setter: Setter[CarrierT]) -> None:
        """Inject by the other package's rules."""
        guard.call(self.name, self._propagator.inject, carrier, context, setter)

    @property
    def fields(self) -> set[str]:
        """The other propagator's."""
        return self._propagator.fields
