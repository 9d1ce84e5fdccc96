"""Pure incremental mathematics: one small class per file, state in the object, O(1) per update."""
