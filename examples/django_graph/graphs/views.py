# SPDX-License-Identifier: Apache-2.0
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import UserCreationForm
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from .drawing import DrawingError, GraphvizMissingError, draw
from .forms import SAMPLE, PictureForm
from .models import Picture
from .pictures import pictures_of, save_picture


def sign_up(request):
    form = UserCreationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.save())
        messages.success(request, "Welcome. Your account is ready.")
        return redirect("pictures")
    return render(request, "registration/sign_up.html", {"form": form})


@login_required
def picture_list(request):
    form = PictureForm(request.POST or None, initial={"source": SAMPLE})
    if request.method == "POST" and form.is_valid():
        picture = form.save(commit=False)
        picture.owner = request.user
        try:
            picture.png = _drawn(request, picture.source)
        except DrawingError as problem:
            form.add_error("source", f"Graphviz could not draw this: {problem}")
        else:
            save_picture(picture)
            return redirect("picture", picture.pk)
    pictures, origin = pictures_of(request.user)
    return render(request, "graphs/list.html", {"form": form, "pictures": pictures, "origin": origin})


@login_required
def picture_page(request, pk):
    return render(request, "graphs/picture.html", {"picture": _picture(request, pk)})


@login_required
@require_POST
def draw_again(request, pk):
    picture = _picture(request, pk)
    try:
        picture.png = _drawn(request, picture.source)
    except DrawingError as problem:
        messages.error(request, f"Graphviz could not draw this: {problem}")
    else:
        save_picture(picture)
    return redirect("picture", pk)


@login_required
def picture_png(request, pk):
    picture = _picture(request, pk)
    if not picture.png:
        raise Http404("This picture has not been drawn yet.")
    return HttpResponse(picture.png, content_type="image/png")


def _picture(request, pk):
    return get_object_or_404(Picture, pk=pk, owner=request.user)


def _drawn(request, source):
    """The PNG; empty where Graphviz is missing: the text is worth keeping, and the user is told."""
    try:
        png = draw(source)
    except GraphvizMissingError:
        messages.warning(
            request,
            "Graphviz is not installed on this machine, so there is no picture: the 'dot' command was not found. "
            "Your text is saved. Install Graphviz (apt install graphviz, brew install graphviz) "
            "and press 'Draw again'.",
        )
        return b""
    messages.success(request, "Drawn.")
    return png
