"""What starts Everydesk: packages, embedded services, and one supervisor."""
