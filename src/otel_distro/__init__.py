"""otel-distro."""
__version__ = "0.1.0"
