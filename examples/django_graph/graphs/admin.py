# SPDX-License-Identifier: Apache-2.0
from django.contrib import admin

from .models import Picture


@admin.register(Picture)
class PictureAdmin(admin.ModelAdmin):
    list_display = ["title", "owner", "created"]
    exclude = ["png"]
