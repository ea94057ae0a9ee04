# SPDX-License-Identifier: Apache-2.0
from django.conf import settings
from django.db import models


class Picture(models.Model):
    """A graph as its author wrote it, and the PNG that Graphviz made of it (empty until it could)."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="pictures")
    title = models.CharField(max_length=80)
    source = models.TextField(max_length=20_000)
    png = models.BinaryField(blank=True, default=b"")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created", "-pk"]

    def __str__(self):
        return self.title
