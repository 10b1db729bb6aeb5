"""The command line: arguments in, values out, rendering last."""
