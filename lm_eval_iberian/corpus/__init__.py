"""The text the demo learns from: shipped prose, generating grammars, instructions."""
