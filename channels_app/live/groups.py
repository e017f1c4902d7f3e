"""Names on the channel layer. Clients never name a group: the server derives all of them."""

# Every web process listens here, once, and hands on what its own sockets may see.
LIVE = "everydesk.live"

# Closing codes. Browsers come back by themselves after 1012 and 1013 and stay away after the others.
SIGNED_OUT = 4001
IDENTITY_REFUSED = 4003
UNKNOWN_CHANNEL = 4004
ORIGIN_REFUSED = 4007
TOO_FAST = 4008
TOO_LARGE = 1009
RESTARTING = 1012
COME_BACK = 1013
# The visitor's own script knows this one as "the server restarts: come back, spread out".
VISITOR_RESTARTING = 4012
