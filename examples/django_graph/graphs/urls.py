# SPDX-License-Identifier: Apache-2.0
from django.urls import path

from . import views

urlpatterns = [
    path("", views.picture_list, name="pictures"),
    path("pictures/<int:pk>/", views.picture_page, name="picture"),
    path("pictures/<int:pk>/draw/", views.draw_again, name="draw_again"),
    path("pictures/<int:pk>.png", views.picture_png, name="picture_png"),
]
