"""From files and stand-ins to clips."""
