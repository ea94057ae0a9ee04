# SPDX-License-Identifier: Apache-2.0
"""The WSGI callable, for example for: gunicorn graphsite.wsgi"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "graphsite.settings")

application = get_wsgi_application()
