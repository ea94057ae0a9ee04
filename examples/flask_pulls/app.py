# SPDX-License-Identifier: Apache-2.0
"""A page with the open pull requests of a repository, as its API lists them."""

import os

import requests
from flask import Flask, render_template, request
from parsing import parse_pull_requests

API_URL = os.environ.get("PULLS_API_URL", "http://127.0.0.1:5003")
REPOSITORY = os.environ.get("PULLS_REPOSITORY", "lantern/lantern")


def create_app():
    app = Flask(__name__)

    @app.get("/")
    def pulls():
        try:
            pulls = parse_pull_requests(fetch_pull_requests(request.args.get("state", "open")))
        except requests.RequestException as problem:
            return render_template("error.html", problem=problem, api_url=API_URL), 502
        return render_template("pulls.html", pulls=pulls, repository=REPOSITORY)

    return app


def fetch_pull_requests(state):
    response = requests.get(f"{API_URL}/repos/{REPOSITORY}/pulls", params={"state": state}, timeout=5)
    response.raise_for_status()
    return response.json()
