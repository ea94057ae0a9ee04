# SPDX-License-Identifier: Apache-2.0
"""The page people see. It asks the joke service for its jokes, and can count primes."""

import os

import requests
from flask import Flask, abort, render_template, request
from opentelemetry import trace

JOKES_URL = os.environ.get("JOKES_URL", "http://127.0.0.1:5001")
HIGHEST_LIMIT = 1_000_000

app = Flask(__name__)
tracer = trace.get_tracer("flask_jokes.front")


@app.get("/")
def index():
    return render_template("joke.html", joke=fetch_joke("random"))


@app.get("/jokes/<int:number>")
def joke(number):
    return render_template("joke.html", joke=fetch_joke(number))


@app.get("/compute")
def compute():
    limit = request.args.get("limit", default=10_000, type=int)
    try:
        primes = count_primes(limit)
    except ValueError as problem:
        abort(400, str(problem))
    return {"limit": limit, "primes": primes}


def fetch_joke(which):
    """Return {"number": ..., "text": ...} from the joke service; its troubles become ours."""
    try:
        response = requests.get(f"{JOKES_URL}/jokes/{which}", timeout=5)
    except requests.ConnectionError:
        abort(503, "The joke service is not running. Start it as the README says.")
    if response.status_code == 404:
        abort(404, "There is no such joke.")
    response.raise_for_status()
    return response.json()


def count_primes(limit):
    """Count the primes up to limit. The span here is written by hand: the only one in these examples."""
    with tracer.start_as_current_span("count primes") as span:
        span.set_attribute("compute.limit", limit)
        if not 0 <= limit <= HIGHEST_LIMIT:
            raise ValueError(f"limit must be between 0 and {HIGHEST_LIMIT}")
        is_prime = bytearray([0, 0]) + bytearray([1]) * (limit - 1)
        for number in range(2, int(limit**0.5) + 1):
            if is_prime[number]:
                is_prime[number * number :: number] = bytes(len(range(number * number, limit + 1, number)))
        span.add_event("sieve ready", {"compute.sieve_bytes": len(is_prime)})
        primes = sum(is_prime)
        span.set_attribute("compute.primes", primes)
        return primes
