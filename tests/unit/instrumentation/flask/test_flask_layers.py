# SPDX-License-Identifier: Apache-2.0
"""Spans below a Flask request, each layer by itself and all together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import flask
import pytest
from flask.views import MethodView

from otel_distro.instrumentation.flask import patch
from otel_distro.settings.settings import InstrumentationSettings, Settings
from tests.harness.span_recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator


class Page(MethodView):
    def get(self) -> str:
        return "page"


def make_app() -> flask.Flask:
    app = flask.Flask("shop")

    @app.before_request
    def who_is_it() -> None:
        flask.g.user = "bob"

    @app.after_request
    def stamp(response: Any) -> Any:
        return response

    @app.teardown_request
    def tidy(error: Any) -> None:
        pass

    @app.errorhandler(KeyError)
    def on_key_error(error: Any) -> tuple[str, int]:
        return "no such key", 409

    @app.errorhandler(404)
    def on_404(error: Any) -> tuple[str, int]:
        return "nothing here", 404

    @app.get("/page")
    def page() -> str:
        return flask.render_template_string("hello {{ g.user }}")

    @app.get("/key")
    def key() -> str:
        raise KeyError("k")

    @app.get("/boom")
    def boom() -> str:
        raise ValueError("b")

    app.add_url_rule("/class", view_func=Page.as_view("class"))

    @app.cli.command("import-things")
    def import_things() -> None:
        click.echo("imported")

    @app.cli.command("run-forever")
    def run_forever() -> None:
        click.echo("ran")

    @app.cli.command("leave")
    @click.pass_context
    def leave(ctx: click.Context) -> None:
        ctx.exit(0)

    @app.cli.command("fail")
    def fail() -> None:
        raise ValueError("failed")

    return app


class Traced:
    def __init__(self, *layers: str, **settings: Any) -> None:
        self.recorder = Recorder()
        wishes = InstrumentationSettings(flask_spans=layers, **settings)
        patch.instrument(Settings(instrumentation=wishes), tracer_provider=self.recorder.provider)
        self.app = make_app()

    def get(self, path: str) -> list[tuple[str, str | None]]:
        """Names and parents of the spans of one request, without the prefix of this module."""
        _ = self.app.test_client().get(path).data
        return [(short(span.name), short(span.parent)) for span in self.recorder.take()]


def short(name: str | None) -> Any:
    return None if name is None else name.rpartition("<locals>.")[2].removeprefix(f"{__name__}.")


@pytest.fixture(autouse=True)
def untraced_afterwards() -> Iterator[None]:
    yield
    patch.uninstrument()


def test_default_layers_leave_the_apps_own_functions_alone() -> None:
    """Nothing named in the settings: templates, and what an app finds current in its view is the server span."""
    traced = Traced()
    assert traced.get("/page") == [("render", "GET /page"), ("GET /page", None)]
    assert traced.get("/key") == [("GET /key", None)]


def test_views_and_error_handlers_by_setting() -> None:
    """Each stands below the request."""
    traced = Traced("view", "template", "error_handler")
    assert traced.get("/page") == [("render", "page"), ("page", "GET /page"), ("GET /page", None)]
    assert traced.get("/key") == [("key", "GET /key"), ("on_key_error", "GET /key"), ("GET /key", None)]


def test_all_layers_nest_as_flask_calls_them() -> None:
    """Hooks stand beside the view, in the order in which Flask calls them."""
    assert Traced("all").get("/page") == [
        ("who_is_it", "GET /page"),
        ("render", "page"),
        ("page", "GET /page"),
        ("stamp", "GET /page"),
        ("tidy", "GET /page"),
        ("GET /page", None),
    ]


def test_a_hook_says_which_phase_it_belongs_to() -> None:
    """And where its code is."""
    traced = Traced("hook")
    traced.get("/page")
    _ = traced.app.test_client().get("/page").data
    phases = {short(span.name): span.attributes.get("flask.phase") for span in traced.recorder.take()}
    assert phases == {
        "who_is_it": "before_request",
        "stamp": "after_request",
        "tidy": "teardown_request",
        "GET /page": None,
    }


def test_none_is_one_span() -> None:
    """Only the server span."""
    assert Traced("none").get("/page") == [("GET /page", None)]


def test_views_of_classes_are_named_by_their_class() -> None:
    """Not by the function that as_view() makes."""
    assert Traced("view").get("/class") == [("Page", "GET /class"), ("GET /class", None)]


def test_a_view_that_raises_is_an_error_and_the_event_is_on_the_server_span() -> None:
    """Recorded once."""
    traced = Traced("view")
    _ = traced.app.test_client().get("/boom").data
    view, server = traced.recorder.take()
    assert (view.status, view.attributes["error.type"], view.events) == ("ERROR", "ValueError", [])
    assert (server.status, len(server.events)) == ("ERROR", 1)


def test_a_handled_exception_is_no_error_of_the_request() -> None:
    """The app has dealt with it: 409, and no event."""
    traced = Traced("view", "error_handlers")
    _ = traced.app.test_client().get("/key").data
    server = traced.recorder.take()[-1]
    assert (server.status, server.events, server.attributes["http.response.status_code"]) == ("UNSET", [], 409)


def test_an_unmatched_route_has_its_error_handler() -> None:
    """And no view."""
    assert Traced("all").get("/nope")[1:2] == [("on_404", "GET")]


def test_short_spans_are_folded() -> None:
    """Counts on the server span instead."""
    traced = Traced("view", "template", min_span_duration_s=30.0)
    _ = traced.app.test_client().get("/page").data
    (server,) = traced.recorder.take()
    assert server.attributes["otel_distro.folded.view.count"] == 1
    assert server.attributes["otel_distro.folded.template.count"] == 1


def test_an_unknown_layer_costs_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    """The others work."""
    assert Traced("veiw", "template").get("/page") == [("render", "GET /page"), ("GET /page", None)]
    assert capfd.readouterr().err == "otel-distro: OTEL_DISTRO_FLASK_SPANS=veiw: no such layer; did you mean view?\n"


@pytest.mark.parametrize(
    ("command", "names", "status", "code"),
    [
        ("import-things", ["flask import-things"], "UNSET", 0),
        ("run-forever", [], None, 0),
        ("leave", ["flask leave"], "UNSET", 0),
        ("fail", ["flask fail"], "ERROR", 1),
    ],
)
def test_commands_of_the_app_are_root_spans(command: str, names: list[str], status: str | None, code: int) -> None:
    """Those that end by themselves; their exit code is what it was."""
    traced = Traced()
    result = traced.app.test_cli_runner().invoke(args=[command])
    assert result.exit_code == code
    spans = traced.recorder.take()
    assert [span.name for span in spans] == names
    assert [span.status for span in spans] == [status] * len(names)
    assert all(span.parent_id is None for span in spans)
