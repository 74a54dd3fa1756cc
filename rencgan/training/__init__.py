"""The engine that trains any system."""
