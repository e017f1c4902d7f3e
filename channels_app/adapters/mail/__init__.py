"""Mail, as the core and the guided form in admin know it."""
