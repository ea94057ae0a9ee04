# SPDX-License-Identifier: Apache-2.0
from django import forms

from .models import Picture

SAMPLE = """digraph shop {
    rankdir=LR
    browser -> shop -> {orders payments}
    orders -> database
}
"""


class PictureForm(forms.ModelForm):
    class Meta:
        model = Picture
        fields = ["title", "source"]
        labels = {"source": "Graph, in the dot language"}
        widgets = {
            "title": forms.TextInput(attrs={"placeholder": "Our shop", "autofocus": True}),
            "source": forms.Textarea(attrs={"rows": 9, "spellcheck": "false"}),
        }
