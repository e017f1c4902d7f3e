"""What the doors of Tencent have in common: the cipher of their calls, their interface, how messages are reported."""
