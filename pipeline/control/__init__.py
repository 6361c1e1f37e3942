"""Writing the control topic: whatever can change a decision is published here, numbered, once."""
