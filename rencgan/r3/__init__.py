"""R3: a GPT over the codes of a whole video."""
