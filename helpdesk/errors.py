"""What can go wrong, each with a stable code, a translatable message and an HTTP status.

Services raise; only the edge (view, API, consumer, task) turns an error into an answer or a retry.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class HelpdeskError(Exception):
    """Base of every refusal that a person or a caller may be told about."""

    code = "error"
    status = 400
    message: str | Promise = _("This did not work.")

    def __init__(self, message: str | Promise | None = None, **details: object) -> None:
        self.message = message or type(self).message
        self.details = details
        super().__init__(str(self.code))

    def __str__(self) -> str:
        return f"{self.code} {self.details}" if self.details else self.code


class NoOrganizationScope(HelpdeskError):
    """A query for an organization's rows was made outside `organization_scope`."""

    code = "no_organization_scope"
    status = 500


class NotFound(HelpdeskError):
    """Absent or forbidden: the two answer alike."""

    code = "not_found"
    status = 404
    message = _("There is nothing here that you may see.")


class Invalid(HelpdeskError):
    """The input is wrong; `field` in the details names where."""

    code = "invalid"
    message = _("Please check what you entered.")


class Refused(HelpdeskError):
    """The person may see this, yet not do that."""

    code = "refused"
    status = 403
    message = _("You may not do this.")


class WrongState(HelpdeskError):
    """The conversation is not in a state that allows this."""

    code = "wrong_state"
    status = 409
    message = _("The conversation has moved on. Look again and decide.")


class AlreadyTaken(WrongState):
    """Somebody else holds the conversation now; `staff` in the details is their name."""

    code = "already_taken"
    message = _("A colleague has already taken this conversation.")


class OverCapacity(WrongState):
    """The person has no free capacity for this."""

    code = "over_capacity"
    message = _(
        "There is no free capacity for this conversation: resolve, snooze or hand over another first."
    )


class NotAvailable(WrongState):
    """The person is not there now, or may not answer this."""

    code = "not_available"
    message = _("This colleague cannot take the conversation now.")


class NobodyBehind(NotAvailable):
    """Whoever is learning would have nobody to stand behind them."""

    code = "nobody_behind"
    message = _("Nobody is there to stand behind you now.")


class TooLate(WrongState):
    """The time in which this could be done has passed."""

    code = "too_late"
    message = _("The time for this has passed.")


class TooLarge(HelpdeskError):
    """The body or file is larger than allowed."""

    code = "too_large"
    status = 413
    message = _("This file is too large.")


class UnsupportedFile(HelpdeskError):
    """The kind of file, by its content, is not accepted."""

    code = "unsupported_file"
    status = 415
    message = _("This kind of file is not accepted.")


class TooMany(HelpdeskError):
    """A rate limit was met; `retry_after_seconds` in the details says when to come back."""

    code = "too_many"
    status = 429
    message = _("Too many requests. Please wait a moment.")


class Unavailable(HelpdeskError):
    """The database or another part we need is away for now."""

    code = "unavailable"
    status = 503
    message = _("The service is not available for a moment. Nothing is lost; please try again.")


class ChannelError(HelpdeskError):
    """An outside party did not do what we asked; raised by adapters.

    Permanent errors go to an administrator, the others are tried again with backoff.
    """

    code = "channel_error"
    status = 502
    message = _("The channel did not accept this.")

    def __init__(
        self, reason: str | Promise | None = None, *, permanent: bool = False, **details: object
    ) -> None:
        super().__init__(reason, **details)
        self.permanent = permanent
