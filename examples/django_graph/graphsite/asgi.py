# SPDX-License-Identifier: Apache-2.0
"""The ASGI callable, for example for: uvicorn graphsite.asgi:application"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "graphsite.settings")

application = get_asgi_application()
