"""The command line: one file a command. It parses, calls and prints; what there is to decide is decided elsewhere."""
