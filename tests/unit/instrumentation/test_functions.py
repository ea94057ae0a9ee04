# SPDX-License-Identifier: Apache-2.0
"""Functions named in settings get spans, and stay what they were."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import textwrap
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from otel_distro.instrumentation import functions
from otel_distro.settings.settings import InstrumentationSettings, Settings
from tests.harness.span_recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

SHOP = '''
import asyncio
import functools

LIMIT = 3


def price(item, count=1, *, token=""):
    """What it costs."""
    return len(item) * count


def fail(item):
    raise ValueError(item)


async def later(x):
    await asyncio.sleep(0)
    return x + 1


def count(n):
    for i in range(n):
        got = yield i
        if got:
            yield got
    return "done"


async def acount(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i


class Cart:
    limit = 3

    def total(self, items):
        return sum(self.one(x) for x in items)

    def one(self, x):
        return x

    @classmethod
    def empty(cls):
        return cls()

    @staticmethod
    def tax(x):
        return x * 2

    @property
    def size(self):
        return 0

    def __len__(self):
        return 7


partial = functools.partial(price, "x")
'''


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], ModuleType]]:
    """Writes a module called pricing_shop; call it to import the module."""
    (tmp_path / "pricing_shop.py").write_text(SHOP)
    (tmp_path / "early_user.py").write_text("from pricing_shop import price\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda: importlib.import_module("pricing_shop")
    for name in ("pricing_shop", "early_user"):
        sys.modules.pop(name, None)


@pytest.fixture
def traced(shop: Any) -> Iterator[Callable[..., Recorder]]:
    """traced("module:function", ...) switches on and returns what is recorded."""

    def switch_on(*names: str, **settings: Any) -> Recorder:
        recorder = Recorder()
        wishes = InstrumentationSettings(trace_functions=names, **settings)
        functions.instrument(Settings(instrumentation=wishes), tracer_provider=recorder.provider)
        return recorder

    yield switch_on
    functions.uninstrument()


def names(recorder: Recorder) -> list[str]:
    return [span.name for span in recorder.take()]


@pytest.mark.parametrize("text", ["pricing_shop:price", "pricing_shop.price", "pricing_*:pri?e"])
def test_a_function_of_a_module_imported_later(shop: Any, traced: Any, text: str) -> None:
    """With a colon, with a dot, or by globs."""
    recorder = traced(text)
    assert shop().price("abc", 2) == 6
    (span,) = recorder.take()
    assert (span.name, span.kind, span.status) == ("pricing_shop.price", "INTERNAL", "UNSET")
    assert span.attributes["code.function.name"] == "pricing_shop.price"
    assert span.attributes["code.line.number"] == 8


def test_a_function_of_a_module_imported_before(shop: Any, traced: Any) -> None:
    """Also where another module has taken it over by name."""
    shop()
    user = importlib.import_module("early_user")
    raw = user.price
    recorder = traced("pricing_shop:price")
    user.price("a")
    assert names(recorder) == ["pricing_shop.price"]
    functions.uninstrument()
    assert user.price is raw
    assert shop().price is raw


def test_everything_about_the_function_stays(shop: Any, traced: Any) -> None:
    """Name, doc, signature; and its frame is in the traceback."""
    module = shop()
    before = inspect.signature(module.price)
    traced("pricing_shop:price", "pricing_shop:fail")
    assert (module.price.__name__, module.price.__doc__) == ("price", "What it costs.")
    assert inspect.signature(module.price) == before
    with pytest.raises(ValueError, match="oops") as caught:
        module.fail("oops")
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames[-1] == "fail"


def test_an_exception_is_recorded_and_passes(shop: Any, traced: Any) -> None:
    """With its place."""
    recorder = traced("pricing_shop:fail")
    with pytest.raises(ValueError, match="oops"):
        shop().fail("oops")
    (span,) = recorder.take()
    assert (span.status, span.description, span.attributes["error.type"]) == ("ERROR", None, "ValueError")
    assert [(name, event["exception.type"]) for name, event in span.events] == [("exception", "ValueError")]


def test_all_functions_of_a_module(shop: Any, traced: Any) -> None:
    """Its own, not what it has imported; classes are not meant."""
    recorder = traced("pricing_shop:*")
    module = shop()
    module.price("a")
    module.Cart().total([1])
    list(module.count(1))
    assert names(recorder) == ["pricing_shop.price", "pricing_shop.count"]


def test_methods_of_a_class(shop: Any, traced: Any) -> None:
    """Plain, class and static ones; properties and Python's own methods are left alone."""
    recorder = traced("pricing_shop:Cart.*")
    cart = shop().Cart.empty()
    assert (cart.total([1, 2]), cart.tax(2), cart.size, len(cart)) == (3, 4, 0, 7)
    assert names(recorder) == [
        "pricing_shop.Cart.empty",
        "pricing_shop.Cart.one",
        "pricing_shop.Cart.one",
        "pricing_shop.Cart.total",
        "pricing_shop.Cart.tax",
    ]


def test_a_class_means_its_methods(shop: Any, traced: Any) -> None:
    """As `Cart.*` does."""
    recorder = traced("pricing_shop:Cart")
    shop().Cart.tax(1)
    assert names(recorder) == ["pricing_shop.Cart.tax"]


def test_calls_nest(shop: Any, traced: Any) -> None:
    """A traced function below a traced function is its child."""
    recorder = traced("pricing_shop:Cart.*")
    shop().Cart().total([1])
    assert [(span.name, span.parent) for span in recorder.take()] == [
        ("pricing_shop.Cart.one", "pricing_shop.Cart.total"),
        ("pricing_shop.Cart.total", None),
    ]


def test_async_functions(shop: Any, traced: Any) -> None:
    """The span is there while the function waits."""
    recorder = traced("pricing_shop:later")
    module = shop()
    assert inspect.iscoroutinefunction(module.later)
    assert asyncio.run(module.later(1)) == 2
    assert names(recorder) == ["pricing_shop.later"]


def test_generators_keep_their_protocol(shop: Any, traced: Any) -> None:
    """send, throw, close and the return value; nothing is left in the caller's context between two steps."""
    recorder = traced("pricing_shop:count")
    module = shop()
    generator = module.count(3)
    assert inspect.isgenerator(generator)
    assert [next(generator), generator.send("x"), next(generator)] == [0, "x", 1]
    with recorder.provider.get_tracer("t").start_as_current_span("between"):
        pass
    with pytest.raises(KeyError):
        generator.throw(KeyError("k"))
    between, span = recorder.take()
    assert between.parent_id is None
    assert (span.status, span.attributes["error.type"]) == ("ERROR", "KeyError")

    def delegate() -> Any:
        return (yield from module.count(1))

    driven = delegate()
    next(driven)
    with pytest.raises(StopIteration) as stop:
        next(driven)
    assert stop.value.value == "done"
    generator = module.count(3)
    next(generator)
    generator.close()
    assert names(recorder) == ["pricing_shop.count", "pricing_shop.count"]


def test_async_generators(shop: Any, traced: Any) -> None:
    """Nothing is left in the caller's context between two items."""
    recorder = traced("pricing_shop:acount")
    module = shop()
    tracer = recorder.provider.get_tracer("t")

    async def consume() -> list[int]:
        found = []
        async for item in module.acount(2):
            with tracer.start_as_current_span("between"):
                found.append(item)
        return found

    assert asyncio.run(consume()) == [0, 1]
    assert [(span.name, span.parent) for span in recorder.take()] == [
        ("between", None),
        ("between", None),
        ("pricing_shop.acount", None),
    ]


def test_chosen_arguments_become_attributes(shop: Any, traced: Any) -> None:
    """By position, by name and by default; a secret name hides its value."""
    recorder = traced("pricing_shop:price(item", "count", "token)")  # as the settings split it
    shop().price("abc", token="s3cret")
    (span,) = recorder.take()
    found = {key: value for key, value in span.attributes.items() if key.startswith("function.argument")}
    assert found == {
        "function.argument.item": "abc",
        "function.argument.count": 1,
        "function.argument.token": "REDACTED",
    }


def test_an_argument_that_cannot_be_shown_is_left_out(shop: Any, traced: Any) -> None:
    """Its __repr__ raises; the call works."""

    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no")

        def __len__(self) -> int:
            return 2

    recorder = traced("pricing_shop:price(item)")
    assert shop().price(Odd()) == 2
    assert names(recorder) == ["pricing_shop.price"]


def test_below_an_unsampled_span_there_is_nothing(shop: Any, traced: Any) -> None:
    """The request was not sampled, so its functions are not traced either."""
    from opentelemetry import trace

    recorder = traced("pricing_shop:price")
    unsampled = trace.NonRecordingSpan(trace.SpanContext(1, 1, is_remote=False))
    with trace.use_span(unsampled):
        assert shop().price("a") == 1
    assert recorder.take() == []


def test_names_from_a_file(shop: Any, traced: Any, tmp_path: Path) -> None:
    """One in a line, with comments."""
    path = tmp_path / "functions.txt"
    path.write_text("# mine\npricing_shop:price(item, count)  # dear\n\npricing_shop:fail\n")
    recorder = traced(trace_functions_file=str(path))
    shop().price("a")
    assert names(recorder) == ["pricing_shop.price"]


def test_what_is_not_there_is_said_once_at_exit(shop: Any, traced: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """With what may have been meant; what was found is not mentioned."""
    traced("pricing_shop:prize", "pricing_shap:price", "pricing_shop:price", "what is this")
    shop()
    functions.report()
    head = "otel-distro: OTEL_DISTRO_TRACE_FUNCTIONS: "
    assert capfd.readouterr().err.splitlines() == [
        f"{head}not understood: what is this; write module:function",
        f"{head}pricing_shop:prize: pricing_shop has no prize; did you mean price?",
        f"{head}pricing_shap:price: no module pricing_shap was imported; did you mean pricing_shop?",
    ]


def test_what_cannot_be_traced_costs_one_line(shop: Any, traced: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """A C function, a property, a constant."""
    traced("pricing_shop:Cart.size", "pricing_shop:LIMIT", "pricing_shop:partial", "time:sleep")
    shop()
    functions.report()
    said = capfd.readouterr().err
    for text, kind in [
        ("pricing_shop:Cart.size", "property"),
        ("pricing_shop:LIMIT", "int"),
        ("pricing_shop:partial", "partial"),
        ("time:sleep", "builtin_function_or_method"),
    ]:
        assert f"{text} is a {kind}, which cannot be traced\n" in said
    assert len(said.splitlines()) == 4


def test_main_is_looked_at_again(tmp_path: Path) -> None:
    """Functions of the script itself, once they are there."""
    import subprocess

    script = tmp_path / "job.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys
            from otel_distro.instrumentation import functions
            from otel_distro.settings.settings import InstrumentationSettings, Settings
            from tests.harness.span_recorder import Recorder
            recorder = Recorder()
            wishes = InstrumentationSettings(trace_functions=("__main__:work",))
            functions.instrument(Settings(instrumentation=wishes), tracer_provider=recorder.provider)

            def work():
                pass

            functions.look_again()
            work()
            print([span.name for span in recorder.take()])
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={"PYTHONPATH": "."},
    )
    assert (done.stdout, done.stderr) == ("['__main__.work']\n", "")
