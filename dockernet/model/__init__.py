"""Values that read and print themselves; nothing here reads the outside."""
