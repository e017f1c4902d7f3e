#!/usr/bin/env python
"""Run one of Everydesk's commands, with the running embedded services or ones started for it."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
    from deploy.services import ensure_services  # noqa: PLC0415  (sets the addresses that settings read)

    with ensure_services(sys.argv):
        from django.core.management import execute_from_command_line  # noqa: PLC0415

        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
