"""Reading of mails: bytes in, values out, within bounds whatever the bytes are."""
