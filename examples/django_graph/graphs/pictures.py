# SPDX-License-Identifier: Apache-2.0
"""The pictures of a user: from the cache, or else from the database."""

from django.core.cache import cache
from django.db.models.functions import Length

from .models import Picture

CACHE_SECONDS = 60


def pictures_of(user):
    """Return (pictures, origin): a list of dicts without their PNG, and "cache" or "database"."""
    pictures = cache.get(_key(user))
    if pictures is not None:
        return pictures, "cache"
    rows = Picture.objects.filter(owner=user).annotate(png_bytes=Length("png"))
    pictures = list(rows.values("pk", "title", "created", "png_bytes"))
    cache.set(_key(user), pictures, CACHE_SECONDS)
    return pictures, "database"


def save_picture(picture):
    """Store a picture; the next list comes from the database again."""
    picture.save()
    cache.delete(_key(picture.owner))


def _key(user):
    return f"pictures-of-{user.pk}"
