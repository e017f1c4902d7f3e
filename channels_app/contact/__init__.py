"""The contact form's page, for browsers: shown in frames of other sites, posted without cookies."""
