"""Where an installation may add a check against machines; there is none unless somebody registers one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from helpdesk.registries import Registry


@dataclass(frozen=True, slots=True)
class Captcha:
    """A check that every form makes; see docs/contact-form.md."""

    # Included in the form, before its button.
    template: str
    # Tells whether what was posted, from this network address, passes. Raises nothing.
    passes: Callable[[Mapping[str, str], str], bool]
    # What the page may load for it, by directive of the content policy.
    sources: Mapping[str, tuple[str, ...]]


captchas: Registry[Captcha] = Registry("captchas")
