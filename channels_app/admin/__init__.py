"""The channels' pages on the organization's administration site, one module for each subject."""

from channels_app.admin import leaving, reports

__all__ = ["leaving", "reports"]
