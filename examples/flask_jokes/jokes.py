# SPDX-License-Identifier: Apache-2.0
"""The joke service: answers with jokes from a file, as JSON."""

import json
import random
from pathlib import Path

from flask import Flask, jsonify

JOKES = json.loads((Path(__file__).parent / "jokes.json").read_text())

app = Flask(__name__)


@app.get("/jokes")
def count_jokes():
    return jsonify(count=len(JOKES))


@app.get("/jokes/random")
def random_joke():
    return _answer(random.randrange(len(JOKES)))


@app.get("/jokes/<int:number>")
def one_joke(number):
    if not 1 <= number <= len(JOKES):
        return jsonify(error=f"there are {len(JOKES)} jokes"), 404
    return _answer(number - 1)


def _answer(index):
    return jsonify(number=index + 1, text=JOKES[index])
