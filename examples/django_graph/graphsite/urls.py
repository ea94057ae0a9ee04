# SPDX-License-Identifier: Apache-2.0
"""Accounts, the graph pages, and Django's admin."""

from django.contrib import admin
from django.urls import include, path
from graphs import views

urlpatterns = [
    path("", include("graphs.urls")),
    path("accounts/sign-up/", views.sign_up, name="sign_up"),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
]
